//! What is around the rows of a table: how it is drawn again, its columns, that it fits the line, and
//! what stands below.

use std::fmt::Write as _;
use std::path::Path;

use crate::report::Summary;
use crate::text::one_line;

/// What it is, how it is drawn again, and what it needs.
pub(super) fn head(file: &str, summary: &Summary, folder: &Path) -> String {
    let overview = &summary.overview;
    let lines = [
        format!(
            "{file} of `{}` ({}), drawn by musicrec-lab from its records.",
            overview.name, overview.date
        ),
        format!(
            "Draw it again: musicrec-lab report {} --format {file}",
            folder.display()
        ),
        "Needs in the preamble: \\usepackage{booktabs}, \\usepackage{graphicx} and, with pdflatex, \
         \\usepackage[T1]{fontenc}"
            .to_owned(),
    ];
    // A line end in a name would end the comment.
    lines.iter().fold(String::new(), |out, line| {
        out + "% " + &one_line(line) + "\n"
    })
}

/// Opens the table: columns from `numbers` on are numbers.
pub(super) fn begin(out: &mut String, header: &[String], numbers: usize) {
    let columns: String = (0..header.len())
        .map(|at| if at < numbers { 'l' } else { 'r' })
        .collect();
    let _ = writeln!(
        out,
        "\\begin{{table}}[t]\n\\centering\n\\small\n\\setlength{{\\tabcolsep}}{{4pt}}\n\\setbox0\\hbox{{%"
    );
    let _ = writeln!(out, "\\begin{{tabular}}{{@{{}}{columns}@{{}}}}\n\\toprule");
    row_of(out, header);
    out.push_str("\\midrule\n");
}

pub(super) fn row_of(out: &mut String, cells: &[String]) {
    let _ = writeln!(out, "{} \\\\", cells.join(" & "));
}

/// Closes the table. One that is wider than the line is made smaller.
pub(super) fn end(
    out: &mut String,
    what: &str,
    caption: &str,
    notes: &[String],
    summary: &Summary,
) {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let label: String = summary.overview.name.chars().map(plain).collect();
    let _ = writeln!(
        out,
        "\\bottomrule\n\\end{{tabular}}}}%\n\\ifdim\\wd0>\\linewidth\\resizebox{{\\linewidth}}{{!}}{{\\box0}}\
         \\else\\box0\\fi\n\\caption{{{caption}}}\n\\label{{tab:{label}-{what}}}"
    );
    if !notes.is_empty() {
        let _ = writeln!(
            out,
            "\\par\\smallskip\n\\begin{{minipage}}{{\\linewidth}}\\footnotesize\\sloppy\n{}\n\\end{{minipage}}",
            notes.join("\n")
        );
    }
    out.push_str("\\end{table}\n");
}
