//! Many short texts, end to end.

use std::hash::BuildHasher as _;
use std::ops::Index;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// A list of texts, held end to end: a dictionary may have millions, and an allocation for each would
/// take longer than reading them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    all: String,
    /// Where each text ends.
    ends: Vec<usize>,
}

impl Texts {
    /// How many.
    #[inline]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes that they take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.all.len() + size_of_val(&self.ends[..])
    }

    /// Appends a text.
    #[inline]
    pub fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }

    /// The text at a place, `None` behind the last one.
    pub fn get(&self, place: usize) -> Option<&str> {
        (place < self.len()).then(|| &self[place])
    }

    /// All texts in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        (0..self.len()).map(|place| &self[place])
    }
}

impl Index<usize> for Texts {
    type Output = str;

    #[inline]
    fn index(&self, place: usize) -> &str {
        let begins = match place {
            0 => 0,
            place => self.ends[place - 1],
        };
        &self.all[begins..self.ends[place]]
    }
}

impl<S: AsRef<str>> FromIterator<S> for Texts {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        let mut all = Self::default();
        texts.into_iter().for_each(|text| all.push(text.as_ref()));
        all
    }
}

impl<const N: usize> PartialEq<[&str; N]> for Texts {
    fn eq(&self, others: &[&str; N]) -> bool {
        self.iter().eq(others.iter().copied())
    }
}

/// Where each of some distinct texts stands.
#[derive(Debug, Default)]
pub struct KnownTexts(HashTable<u32>);

impl KnownTexts {
    /// The place of a text in `texts`, if it is there. What is known must be of the same list.
    pub fn find(&self, texts: &Texts, text: &str) -> Option<u32> {
        let found = self.0.find(FxBuildHasher.hash_one(text), |&code| {
            &texts[code as usize] == text
        });
        found.copied()
    }

    /// The place of a text in `texts`, behind which it is put if it is new. What is known must be of
    /// the same list.
    pub fn code(&mut self, texts: &mut Texts, text: &str) -> u32 {
        let hash = |text: &str| FxBuildHasher.hash_one(text);
        let of = hash(text);
        if let Some(&code) = self.0.find(of, |&code| &texts[code as usize] == text) {
            return code;
        }
        let code = texts.len() as u32;
        texts.push(text);
        let of_code = |&code: &u32| hash(&texts[code as usize]);
        self.0.insert_unique(of, code, of_code);
        code
    }
}

#[cfg(test)]
mod tests {
    use super::{KnownTexts, Texts};

    #[test]
    fn texts_stand_end_to_end_and_are_found_again() {
        let (mut texts, mut known) = (Texts::default(), KnownTexts::default());
        let codes = ["", "caf\u{e9}", "b", "", "caf\u{e9}"].map(|t| known.code(&mut texts, t));
        assert_eq!(codes, [0, 1, 2, 0, 1]);
        assert_eq!(texts, ["", "caf\u{e9}", "b"]);
        assert_eq!((texts.get(1), texts.get(3)), (Some("caf\u{e9}"), None));
        assert_eq!(["", "caf\u{e9}", "b"].into_iter().collect::<Texts>(), texts);
    }
}
