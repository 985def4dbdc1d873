//! Reads a page as strictly as XML: every tag is closed where it was opened, every attribute is quoted,
//! and every `<` and `&` of a text is escaped. A page that passes means the same to every browser.

/// A page taken apart.
pub(crate) struct Page {
    /// All tags in the order of their beginnings.
    pub(crate) all: Vec<Tag>,
}

/// A tag.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// The text in it and not in others, entities resolved.
    pub(crate) text: String,
    /// The place of its end among the beginnings of all tags: what is in it begins before.
    end: usize,
    place: usize,
}

/// Tags that have no end.
const VOID: [&str; 5] = ["meta", "input", "br", "hr", "wbr"];

impl Page {
    pub(crate) fn read(page: &str) -> Self {
        let mut rest = page.trim_start();
        rest = rest.strip_prefix("<!DOCTYPE html>").expect("a doctype");
        let mut all: Vec<Tag> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        while let Some(at) = rest.find('<') {
            let text = unescaped(&rest[..at]);
            match open.last() {
                Some(&tag) => all[tag].text += &text,
                None => assert!(text.trim().is_empty(), "text outside: {text}"),
            }
            rest = &rest[at + 1..];
            if let Some(ended) = rest.strip_prefix('/') {
                let (name, after) = ended.split_once('>').expect("an end");
                let last = open.pop().unwrap_or_else(|| panic!("</{name}> of nothing"));
                assert_eq!(all[last].name, name, "opened with {:?}", all[last]);
                all[last].end = all.len();
                rest = after;
                continue;
            }
            assert!(!rest.starts_with('!'), "a comment: {rest:.80}");
            let (mut tag, closed, after) = begun(rest);
            rest = after;
            tag.place = all.len();
            tag.end = tag.place + 1;
            let place = tag.place;
            if tag.name == "script" || tag.name == "style" {
                let end = format!("</{}>", tag.name);
                let (text, after) = rest.split_once(&end).expect("an end");
                text.clone_into(&mut tag.text);
                rest = after;
            } else if !closed && !VOID.contains(&tag.name.as_str()) {
                open.push(place);
            }
            all.push(tag);
        }
        assert!(rest.trim().is_empty(), "text outside: {rest}");
        assert!(
            open.is_empty(),
            "open: {:?}",
            open.iter().map(|&tag| &all[tag].name).collect::<Vec<_>>()
        );
        Self { all }
    }

    pub(crate) fn tags<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p Tag> {
        self.all.iter().filter(move |tag| tag.name == name)
    }

    pub(crate) fn by_id(&self, id: &str) -> &Tag {
        let mut found = self
            .all
            .iter()
            .filter(|tag| tag.attribute("id") == Some(id));
        found
            .next()
            .unwrap_or_else(|| panic!("nothing has the id {id}"))
    }
}

impl Tag {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let mut found = self.attributes.iter().filter(|(own, _)| own == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// All tags in it.
    pub(crate) fn inside<'p>(&self, page: &'p Page) -> &'p [Tag] {
        &page.all[self.place + 1..self.end]
    }

    /// The tags of a name in it.
    pub(crate) fn below<'p>(&self, page: &'p Page, name: &'p str) -> impl Iterator<Item = &'p Tag> {
        let inside = self.inside(page).iter();
        inside.filter(move |tag| tag.name == name)
    }

    pub(crate) fn holds(&self, page: &Page, name: &str) -> bool {
        self.below(page, name).next().is_some()
    }
}

/// A tag at its beginning, whether that is its end, and what follows.
fn begun(text: &str) -> (Tag, bool, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric())
        .expect("an end");
    let name = &text[..end];
    assert!(!name.is_empty(), "a bare <: {text:.80}");
    let mut rest = &text[end..];
    let mut attributes: Vec<(String, String)> = Vec::new();
    loop {
        let spaced = rest.trim_start();
        if let Some(after) = spaced.strip_prefix('>') {
            let tag = Tag {
                name: name.to_owned(),
                attributes,
                text: String::new(),
                end: 0,
                place: 0,
            };
            return (tag, false, after);
        }
        if let Some(after) = spaced.strip_prefix("/>") {
            let tag = Tag {
                name: name.to_owned(),
                attributes,
                text: String::new(),
                end: 0,
                place: 0,
            };
            return (tag, true, after);
        }
        assert!(
            spaced.len() < rest.len(),
            "attributes without a space: <{name} {rest:.80}"
        );
        let end = spaced.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != ':');
        let end = end.expect("an end");
        let attribute = &spaced[..end];
        assert!(!attribute.is_empty(), "<{name} … {spaced:.80}");
        assert!(
            !attributes.iter().any(|(own, _)| own == attribute),
            "{attribute} twice in <{name}>"
        );
        rest = &spaced[end..];
        let value = match rest.strip_prefix("=\"") {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"').expect("a quote");
                assert!(!value.contains('<'), "{attribute}={value}");
                rest = after;
                unescaped(value)
            }
            None => String::new(),
        };
        attributes.push((attribute.to_owned(), value));
    }
}

/// Text with its entities resolved, each of which must be one of these.
fn unescaped(text: &str) -> String {
    assert!(!text.contains('<'), "{text}");
    let mut pieces = text.split('&');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let known = [
            ("amp;", '&'),
            ("lt;", '<'),
            ("gt;", '>'),
            ("quot;", '"'),
            ("#39;", '\''),
        ];
        let (entity, c) = known
            .iter()
            .find(|(entity, _)| piece.starts_with(entity))
            .unwrap_or_else(|| panic!("a bare &: &{piece:.80}"));
        out.push(*c);
        out.push_str(&piece[entity.len()..]);
    }
    out
}
