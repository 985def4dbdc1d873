//! The forms that a report takes: one table, from which sweeps, `musicrec-lab report` and its help
//! draw. A form is one file or several; each is drawn by itself, so that one alone can be had.

use std::path::Path;

use super::{Summary, html, latex, markdown, tables, terminal};
use crate::exit::Failure;
use crate::experiment::report::Format as Setting;
use crate::records::Store;
use crate::sweep::Overview;

/// A form.
#[derive(Debug)]
pub(crate) struct Format {
    /// As one asks for it.
    pub(crate) name: &'static str,
    /// As a definition asks for it, in `[report] formats`; none of what is no file of a folder.
    setting: Option<Setting>,
    /// For the command's help.
    pub(crate) about: &'static str,
    /// Its files; the first is what one gets who can have only one.
    pub(crate) files: &'static [File],
    /// Whether it is no text, which nobody wants on a terminal.
    pub(crate) binary: bool,
}

/// A file of a form.
#[derive(Debug)]
pub(crate) struct File {
    /// Its name in the report folder.
    pub(crate) name: &'static str,
    draw: fn(&Source) -> Result<Vec<u8>, Failure>,
}

/// What files are drawn from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'s> {
    pub(crate) summary: &'s Summary,
    /// For what is too much to be part of a summary.
    pub(crate) store: &'s Store,
    /// Templates of one's own for the page, instead of those that the definition names.
    pub(crate) templates: Option<&'s Path>,
    /// How wide the terminal view may be, if that matters.
    pub(crate) width: Option<usize>,
}

impl File {
    /// Its content.
    pub(crate) fn draw(&self, source: &Source) -> Result<Vec<u8>, Failure> {
        (self.draw)(source)
    }
}

/// All forms.
pub(crate) static FORMATS: [Format; 7] = [
    Format {
        name: "html",
        setting: Some(Setting::Html),
        about: "One page for people, with charts; needs nothing but a browser",
        files: &[File {
            name: "report.html",
            draw: page,
        }],
        binary: false,
    },
    Format {
        name: "terminal",
        setting: None,
        about: "What a sweep prints: leaderboard, comparison, verdict",
        files: &[File {
            name: "report.txt",
            draw: |of| Ok(terminal::leaderboard(of.summary, of.width).into_bytes()),
        }],
        binary: false,
    },
    Format {
        name: "md",
        setting: Some(Setting::Md),
        about: "Markdown, the whole report, for repositories and pull requests",
        files: &[File {
            name: "report.md",
            draw: |of| Ok(markdown::draw(of.summary).into_bytes()),
        }],
        binary: false,
    },
    Format {
        name: "json",
        setting: Some(Setting::Json),
        about: "JSON, all numbers; reports/report.schema.json describes it",
        files: &[File {
            name: "report.json",
            draw: |of| Ok(json(of.summary).into_bytes()),
        }],
        binary: false,
    },
    Format {
        name: "csv",
        setting: Some(Setting::Csv),
        about: "CSV tables for notebooks and spreadsheets",
        files: &[
            File {
                name: "leaderboard.csv",
                draw: |of| Ok(tables::leaderboard(of.summary).csv().into_bytes()),
            },
            File {
                name: "trials.csv",
                draw: |of| Ok(tables::trials(of.summary).csv().into_bytes()),
            },
            File {
                name: "comparisons.csv",
                draw: |of| Ok(tables::comparisons(of.summary).csv().into_bytes()),
            },
            File {
                name: "segments.csv",
                draw: |of| Ok(tables::segments(of.summary).csv().into_bytes()),
            },
        ],
        binary: false,
    },
    Format {
        name: "latex",
        setting: Some(Setting::Latex),
        about: "LaTeX tables to \\input into a paper, with booktabs",
        files: &[
            File {
                name: "leaderboard.tex",
                draw: |of| Ok(latex::leaderboard(of.summary, of.store.folder()).into_bytes()),
            },
            File {
                name: "comparisons.tex",
                draw: |of| Ok(latex::comparisons(of.summary, of.store.folder()).into_bytes()),
            },
        ],
        binary: false,
    },
    Format {
        name: "parquet",
        setting: Some(Setting::Parquet),
        about: "Parquet tables for notebooks: typed columns, and what each user got",
        files: &[
            File {
                name: "leaderboard.parquet",
                draw: |of| Ok(tables::leaderboard(of.summary).parquet()),
            },
            File {
                name: "trials.parquet",
                draw: |of| Ok(tables::trials(of.summary).parquet()),
            },
            File {
                name: "comparisons.parquet",
                draw: |of| Ok(tables::comparisons(of.summary).parquet()),
            },
            File {
                name: "segments.parquet",
                draw: |of| Ok(tables::segments(of.summary).parquet()),
            },
            File {
                name: "per_user.parquet",
                draw: |of| Ok(tables::per_user(of.summary, of.store)?.parquet()),
            },
        ],
        binary: true,
    },
];

/// The forms that a sweep writes.
pub(crate) fn of_folder(overview: &Overview) -> impl Iterator<Item = &'static Format> {
    let wanted = &overview.report.formats;
    let is_wanted = |format: &&Format| format.setting.is_some_and(|s| wanted.contains(&s));
    FORMATS.iter().filter(is_wanted)
}

/// The file of a folder that people look at first.
pub(crate) fn main_file(overview: &Overview) -> &'static str {
    let first = of_folder(overview).next();
    first.map_or(Overview::FILE, |format| format.files[0].name)
}

/// Each file once, for one may be meant twice: by its form and by its name.
pub(crate) fn distinct(files: impl Iterator<Item = &'static File>) -> Vec<&'static File> {
    let mut distinct: Vec<&File> = Vec::new();
    for file in files {
        if !distinct.iter().any(|known| known.name == file.name) {
            distinct.push(file);
        }
    }
    distinct
}

/// What somebody means who names a form, or one of its files.
pub(crate) fn named(name: &str) -> Option<(&'static Format, &'static [File])> {
    FORMATS.iter().find_map(|format| {
        if format.name == name {
            return Some((format, format.files));
        }
        let at = format.files.iter().position(|file| file.name == name)?;
        Some((format, &format.files[at..=at]))
    })
}

/// The page, with the templates asked for, else those that the definition names.
fn page(of: &Source) -> Result<Vec<u8>, Failure> {
    let named = super::templates(&of.summary.overview);
    let page = html::draw(of.summary, of.templates.or(named.as_deref()))?;
    Ok(page.into_bytes())
}

/// Indented, with a line end.
fn json(summary: &Summary) -> String {
    let mut text = serde_json::to_string_pretty(summary).expect("plain data");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FORMATS, named};

    #[test]
    fn every_name_means_one_thing() {
        let mut names = BTreeSet::new();
        for format in &FORMATS {
            assert!(names.insert(format.name), "{}", format.name);
            assert!(!format.files.is_empty());
            for file in format.files {
                assert!(names.insert(file.name), "{}", file.name);
                let (of, files) = named(file.name).unwrap();
                assert_eq!((of.name, files.len()), (format.name, 1));
                assert_eq!(files[0].name, file.name);
            }
        }
        assert!(named("docx").is_none());
    }
}
