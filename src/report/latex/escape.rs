//! Text of others as LaTeX: what has a meaning there loses it, and what its fonts lack is named.

use std::fmt::Write as _;

use crate::text::hidden;

/// Letters of the Latin alphabets that the T1 encoding lacks.
const LACKING: [char; 9] = ['Ħ', 'ħ', 'ĸ', 'Ŀ', 'ŀ', 'ŉ', 'Ŧ', 'ŧ', 'ſ'];

/// After these a long name may go on in the next line.
const BREAKS: [char; 5] = [' ', '_', '/', '-', '>'];

/// Text in a table or caption. What is hidden (control characters, marks of direction) becomes a space.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in named(text).chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' => out.push_str("\\textless{}"),
            // Names of characters are long words.
            '>' => out.push_str("\\textgreater{}\\allowbreak{}"),
            '|' => out.push_str("\\textbar{}"),
            '"' => out.push_str("\\textquotedbl{}"),
            '`' => out.push_str("\\textasciigrave{}"),
            // Two in a row would become one sign; after the end of a row `*` and `[` would be its options.
            '-' | '\'' | ',' | '!' | '?' if out.ends_with(c) => {
                out.push_str("{}");
                out.push(c);
            }
            '*' | '[' if out.is_empty() => out.extend(['{', c, '}']),
            ' '..='~' => out.push(c),
            c => match formula(c) {
                Some(known) => out.push_str(known),
                None => out.push(c),
            },
        }
    }
    out
}

/// A sentence in which what stands between backticks is code.
pub(super) fn words(text: &str) -> String {
    // A backtick without its twin is text of others.
    if !text.matches('`').count().is_multiple_of(2) {
        return escape(text);
    }
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(at, piece)| match at % 2 {
            0 => escape(piece),
            _ => format!("\\texttt{{{}}}", escape(piece)),
        })
        .collect()
}

/// A name in a cell: in at most four lines of about so many characters each, for a longer one would leave
/// the page. The lines stand on the row with the last or with the first of them (`place` `b` or `t`).
pub(super) fn stacked(text: &str, width: usize, place: char, align: char) -> String {
    const LINES: usize = 4;
    let mut lines = broken(&named(text), width);
    if lines.len() > LINES {
        lines.truncate(LINES);
        lines[LINES - 1].push('…');
    }
    let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
    match &lines[..] {
        [line] => line.clone(),
        lines => format!(
            "\\begin{{tabular}}[{place}]{{@{{}}{align}@{{}}}}{}\\end{{tabular}}",
            lines.join("\\\\")
        ),
    }
}

/// A text in lines, broken after a word if that leaves no line too long, else anywhere.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(BREAKS) {
        let length = word.trim_end().chars().count();
        if used > 0 && used + length > width {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            if used == width && c != ' ' {
                lines.push(String::new());
                used = 0;
            }
            lines.last_mut().expect("there is one").push(c);
            used += 1;
        }
    }
    let lines = lines.iter().map(|line| line.trim_end().to_owned());
    lines.collect()
}

/// The same with the names of those characters that could not be set.
fn named(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if hidden(c) => out.push(' '),
            c if c.is_ascii() || formula(c).is_some() || settable(c) => out.push(c),
            // Engines of today could show some, but which depends on their fonts.
            c => {
                let _ = write!(out, "<U+{:04X}>", u32::from(c));
            }
        }
    }
    out
}

/// Letters of the T1 encoding, which all engines know.
fn settable(c: char) -> bool {
    ('¡'..='ž').contains(&c) && !LACKING.contains(&c) && c != '\u{ad}'
}

/// How a sign beyond ASCII is written.
fn formula(c: char) -> Option<&'static str> {
    Some(match c {
        'Σ' | '∑' => "$\\Sigma$",
        'Π' => "$\\Pi$",
        'α' => "$\\alpha$",
        'β' => "$\\beta$",
        'λ' => "$\\lambda$",
        'μ' | 'µ' => "$\\mu$",
        'σ' => "$\\sigma$",
        '≤' => "$\\leq$",
        '≥' => "$\\geq$",
        '≠' => "$\\neq$",
        '≈' => "$\\approx$",
        '∈' => "$\\in$",
        '∞' => "$\\infty$",
        '√' => "$\\surd$",
        '−' => "$-$",
        '→' => "$\\rightarrow$",
        '₂' => "$_2$",
        '–' => "--",
        '—' => "---",
        '…' => "\\dots{}",
        '‘' => "`",
        '’' => "'",
        '“' => "``",
        '”' => "''",
        'ﬁ' => "fi",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{broken, escape, stacked, words};

    #[test]
    fn nothing_of_others_has_a_meaning() {
        assert_eq!(
            escape("a_b & 5 % of $x$ #1 {y}"),
            r"a\_b \& 5 \% of \$x\$ \#1 \{y\}"
        );
        assert_eq!(
            escape(r"\input{x}~^"),
            r"\textbackslash{}input\{x\}\textasciitilde{}\textasciicircum{}"
        );
        assert_eq!(
            escape("<b>|\"`"),
            r"\textless{}b\textgreater{}\allowbreak{}\textbar{}\textquotedbl{}\textasciigrave{}"
        );
        // Ligatures, and options of the end of the row before.
        assert_eq!(escape("-->"), r"-{}-\textgreater{}\allowbreak{}");
        assert_eq!(escape("[x]"), r"{[}x]");
        assert_eq!(escape("*x*"), r"{*}x*");
        assert_eq!(escape("two\nlines\u{202e}"), "two lines ");
    }

    #[test]
    fn letters_stay_and_what_fonts_lack_is_named() {
        assert_eq!(escape("Motörhead Łódź ß"), "Motörhead Łódź ß");
        assert_eq!(escape("≤ 3 · Σ 1/log₂"), r"$\leq$ 3 · $\Sigma$ 1/log$_2$");
        assert_eq!(
            escape("🎵ħ"),
            r"\textless{}U+1F3B5\textgreater{}\allowbreak{}\textless{}U+0127\textgreater{}\allowbreak{}"
        );
    }

    #[test]
    fn code_is_code_if_its_backticks_are_pairs() {
        assert_eq!(words("of `a_b`, twice"), r"of \texttt{a\_b}, twice");
        assert_eq!(words("one ` alone"), r"one \textasciigrave{} alone");
    }

    #[test]
    fn long_names_go_on_below_and_end_somewhere() {
        let lines = |text: &str| broken(text, 12);
        assert_eq!(lines("ndcg@3"), ["ndcg@3"]);
        assert_eq!(lines(""), [""]);
        assert_eq!(lines("popularity_bias@10"), ["popularity_", "bias@10"]);
        assert_eq!(lines("users hit@100"), ["users", "hit@100"]);
        assert_eq!(lines("better/equal/worse"), ["better/", "equal/worse"]);
        assert_eq!(
            stacked("[two words]", 6, 't', 'l'),
            r"\begin{tabular}[t]{@{}l@{}}{[}two\\words]\end{tabular}"
        );
        assert_eq!(
            stacked(&"x".repeat(300), 3, 'b', 'r'),
            r"\begin{tabular}[b]{@{}r@{}}xxx\\xxx\\xxx\\xxx\dots{}\end{tabular}"
        );
    }
}
