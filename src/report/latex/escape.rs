//! Text of others as LaTeX: what has a meaning there loses it, and what its fonts lack is named.

use crate::text::hidden;

/// Longer names would leave the page.
const MOST: usize = 80;

/// Letters of the Latin alphabets that the T1 encoding lacks.
const LACKING: [char; 9] = ['Ħ', 'ħ', 'ĸ', 'Ŀ', 'ŀ', 'ŉ', 'Ŧ', 'ŧ', 'ſ'];

/// Text in a table or caption. What is hidden (control characters, marks of direction) becomes a space.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Formulas are the lab's own, and long.
    let most = if text.contains(' ') { usize::MAX } else { MOST };
    for c in text.chars().take(most) {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '|' => out.push_str("\\textbar{}"),
            '"' => out.push_str("\\textquotedbl{}"),
            '`' => out.push_str("\\textasciigrave{}"),
            // Two in a row would become one sign; after the end of a row `*` and `[` would be its options.
            '-' | '\'' | ',' | '!' | '?' if out.ends_with([c, '`']) => {
                out.push_str("{}");
                out.push(c);
            }
            '*' | '[' if out.is_empty() => out.extend(['{', c, '}']),
            c if hidden(c) => out.push(' '),
            ' '..='~' => out.push(c),
            c => out.push_str(&beyond_ascii(c)),
        }
    }
    if text.chars().count() > most {
        out.push_str("\\dots{}");
    }
    out
}

/// A character that is none of ASCII.
fn beyond_ascii(c: char) -> String {
    let known = match c {
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
        c @ '¡'..='ž' if !LACKING.contains(&c) && c != '\u{ad}' => return c.to_string(),
        // Engines of today could show some, but which depends on their fonts.
        c => return format!("\\textless{{}}U+{:04X}\\textgreater{{}}", u32::from(c)),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::escape;

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
            r"\textless{}b\textgreater{}\textbar{}\textquotedbl{}\textasciigrave{}"
        );
        // Ligatures, and options of the end of the row before.
        assert_eq!(escape("-->"), r"-{}-\textgreater{}");
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
            r"\textless{}U+1F3B5\textgreater{}\textless{}U+0127\textgreater{}"
        );
        assert_eq!(
            escape(&"x".repeat(300)),
            format!("{}\\dots{{}}", "x".repeat(80))
        );
    }
}
