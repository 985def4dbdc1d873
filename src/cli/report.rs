//! `musicrec-lab report`: draw the report of a folder again, in whatever form, without running anything.

use std::collections::BTreeSet;
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};

use super::{print, print_raw, print_view, say};
use crate::exit::Failure;
use crate::records::Store;
use crate::report::formats::{self, FORMATS, File, Format, Source};
use crate::report::{self, Several, Summary};
use crate::sweep::Overview;

/// Draw the report of a finished or unfinished sweep again, in any form; nothing is run
///
/// Needs the report folder and nothing else: neither the data nor the definition. Without --format the
/// files of the folder are drawn anew, as after an update of this program, and the leaderboard is
/// printed. A form may be several files; the name of one of them asks for that one alone.
///
/// With several folders their variants stand in one report as if one experiment had had all of them; it goes
/// to standard output or to --output, and the folders stay as they are. The first one names the baseline
/// and the rules of comparison.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab report reports/quickstart                       # draws its files anew
  musicrec-lab report reports/quickstart --open                # and shows report.html in the browser
  musicrec-lab report reports/quickstart --format md | less
  musicrec-lab report reports/quickstart --format trials.csv > trials.csv
  musicrec-lab report reports/quickstart --format latex --format parquet --output paper/
  musicrec-lab report reports/quickstart --format terminal --width 80
  musicrec-lab report reports/als reports/knn reports/bpr      # compares them
  musicrec-lab report reports/als reports/knn --open           # the same in the browser")]
pub(super) struct Arguments {
    /// A folder that a sweep has written; of several the variants are compared in one report, for which
    /// they must share data, test part, rules and metrics
    #[arg(value_name = "REPORT", required = true)]
    folders: Vec<PathBuf>,

    /// Draw this form, or this one of its files, and leave the folder as it is; may be repeated
    #[arg(long = "format", value_name = "FORMAT", value_parser = names())]
    formats: Vec<String>,

    /// Write it there: to a file if it is one and PATH has an extension, else to a folder
    /// [default: standard output]
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,

    /// Templates of your own for report.html [default: those of the definition, else the built-in ones]
    #[arg(long, value_name = "FOLDER")]
    templates: Option<PathBuf>,

    /// Draw report.html, too, and open it with the program that this computer has for such files
    #[arg(long)]
    open: bool,

    /// Columns of the terminal view [default: those of the terminal; all that is needed where none is]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    width: Option<u16>,
}

/// All names of forms and of their files, as the command line knows them.
fn names() -> PossibleValuesParser {
    let of = |format: &'static Format| {
        let files: Vec<&str> = format.files.iter().map(|file| file.name).collect();
        let about = format!("{} ({})", format.about, files.join(", "));
        // A file's name is understood, but the list is short enough without.
        let files = files
            .into_iter()
            .map(|name| PossibleValue::new(name).hide(true));
        std::iter::once(PossibleValue::new(format.name).help(about)).chain(files)
    };
    PossibleValuesParser::new(FORMATS.iter().flat_map(of))
}

/// The one that browsers show.
const PAGE: &str = "report.html";

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.folders[..] {
        [folder] => of_one(arguments, folder),
        several => of_several(arguments, several),
    }
}

/// Several folders in one report, of which nothing is written to them.
fn of_several(arguments: &Arguments, folders: &[PathBuf]) -> Result<(), Failure> {
    let stores = folders.iter().map(|folder| Store::new(folder.clone()));
    let several = Several::read(stores.collect())?;
    let summary = several.summary()?;
    let source = Source {
        summary: &summary,
        store: &several.store,
        templates: arguments.templates.as_deref(),
        width: width(arguments),
    };
    if let Some(output) = &arguments.output {
        let files = all_files(wanted(arguments, &summary.overview));
        return save(&files, output, &source, arguments.open);
    }
    if arguments.open {
        let failed = |e| Failure::output("a folder for temporary files", &e);
        let folder = tempfile::Builder::new()
            .prefix("musicrec-report-")
            .tempdir();
        let folder = folder.map_err(failed)?.keep();
        let files = [page()?];
        return save(&files, &folder, &source, true);
    }
    if arguments.formats.is_empty() {
        return print_view(&report::leaderboard(&summary, width(arguments)));
    }
    only_one(&wanted(arguments, &summary.overview), &source)
}

/// One folder.
fn of_one(arguments: &Arguments, folder: &Path) -> Result<(), Failure> {
    let store = Store::new(folder.to_owned());
    // Nothing is made in a folder that holds no sweep.
    let overview = Overview::read(&store)?;
    if arguments.formats.is_empty() && arguments.output.is_none() {
        return redraw(arguments, &store);
    }
    let mut files = wanted(arguments, &overview);
    let summary = Summary::read(&store)?;
    let source = Source {
        summary: &summary,
        store: &store,
        templates: arguments.templates.as_deref(),
        width: width(arguments),
    };
    if let Some(output) = &arguments.output {
        let files = all_files(files);
        return save(&files, output, &source, arguments.open);
    }
    if arguments.open {
        files.retain(|(_, files)| files[0].name != PAGE);
        let page = page()?;
        let drawn = page.draw(&source)?;
        store
            .exclusively(|| store.write(PAGE, &drawn))
            .map_err(elsewhere)?;
        show(&store.path(PAGE))?;
    }
    if files.is_empty() {
        return Ok(());
    }
    only_one(&files, &source)
}

/// The forms and files that are asked for, or those that a sweep writes.
fn wanted(arguments: &Arguments, overview: &Overview) -> Vec<(&'static Format, &'static [File])> {
    let mut files: Vec<(&'static Format, &'static [File])> = if arguments.formats.is_empty() {
        let usual = formats::of_folder(overview);
        usual.map(|format| (format, format.files)).collect()
    } else {
        let named = arguments
            .formats
            .iter()
            .filter_map(|name| formats::named(name));
        named.collect()
    };
    // Of a form and one of its files, or twice the same, each file is drawn once.
    let mut known = BTreeSet::new();
    files.retain(|(_, files)| {
        let before = known.len();
        known.extend(files.iter().map(|file| file.name));
        known.len() > before
    });
    files
}

/// Their files, each once.
fn all_files(files: Vec<(&'static Format, &'static [File])>) -> Vec<&'static File> {
    formats::distinct(files.into_iter().flat_map(|(_, files)| files))
}

/// Prints a form, for only one goes to standard output.
fn only_one(files: &[(&'static Format, &'static [File])], source: &Source) -> Result<(), Failure> {
    match files {
        [(format, files)] => to_standard_output(format, files, source),
        _ => Err(Failure::Definition(
            "several formats do not go to standard output; name a folder with --output".to_owned(),
        )),
    }
}

/// Draws the files of a folder anew.
fn redraw(arguments: &Arguments, store: &Store) -> Result<(), Failure> {
    let templates = arguments.templates.as_deref();
    let also: &[&str] = if arguments.open { &[PAGE] } else { &[] };
    let summary = store
        .exclusively(|| report::write(store, templates, also))
        .map_err(elsewhere)?;
    print_view(&report::leaderboard(&summary, width(arguments)))?;
    let main = formats::main_file(&summary.overview);
    print_view(&format!("\nReport: {}\n", store.path(main).display()))?;
    if arguments.open {
        show(&store.path(PAGE))?;
    }
    Ok(())
}

/// What can be done where the folder cannot be written.
fn elsewhere(failure: Failure) -> Failure {
    match failure {
        Failure::Output(text) => Failure::Output(format!(
            "{text}; `--output FOLDER` draws the report elsewhere, `--format FORMAT` on standard output"
        )),
        failure => failure,
    }
}

fn page() -> Result<&'static File, Failure> {
    let page = formats::named(PAGE).and_then(|(_, files)| files.first());
    page.ok_or_else(|| Failure::Definition(format!("there is no {PAGE} to open")))
}

/// Writes files to a folder, or the only one to a file, and names them.
fn save(files: &[&File], output: &Path, source: &Source, open: bool) -> Result<(), Failure> {
    let mut files = files.to_vec();
    if open && !files.iter().any(|file| file.name == PAGE) {
        files.push(page()?);
    }
    for (file, path) in places(&files, output)? {
        let drawn = file.draw(source)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| Failure::output(folder.display(), &e))?;
        }
        fs::write(&path, drawn).map_err(|e| Failure::output(path.display(), &e))?;
        print(&format!("{}\n", path.display()))?;
        if open && file.name == PAGE {
            show(&path)?;
        }
    }
    Ok(())
}

/// Where each file goes.
fn places<'f>(files: &[&'f File], output: &Path) -> Result<Vec<(&'f File, PathBuf)>, Failure> {
    // What has no extension is meant as a folder, however many files there are.
    let file = output.extension().is_some() || output.exists();
    let slash = output.as_os_str().to_string_lossy().ends_with('/');
    let folder = output.is_dir() || slash || !file;
    if let [file] = files
        && !folder
    {
        return Ok(vec![(file, output.to_owned())]);
    }
    let like_a_file = |file: &&File| output.extension() == Path::new(file.name).extension();
    if !folder && (output.exists() || files.iter().any(like_a_file)) {
        let names: Vec<&str> = files.iter().map(|file| file.name).collect();
        return Err(Failure::Definition(format!(
            "--output {} is one file, but these are to be written: {}; name a folder, or ask for one of \
             them, for example `--format {}`",
            output.display(),
            names.join(", "),
            names[0]
        )));
    }
    Ok(files
        .iter()
        .map(|file| (*file, output.join(file.name)))
        .collect())
}

/// Prints the first file of a form, and says how the others are had.
fn to_standard_output(format: &Format, files: &[File], source: &Source) -> Result<(), Failure> {
    let Some((first, others)) = files.split_first() else {
        return Ok(());
    };
    let terminal = std::io::stdout().is_terminal();
    if format.binary && terminal {
        return Err(Failure::Definition(format!(
            "{} is no text to show on a terminal; name a file or a folder with --output",
            format.name
        )));
    }
    let drawn = first.draw(source)?;
    if !others.is_empty() {
        let others: Vec<&str> = others.iter().map(|file| file.name).collect();
        say(&format!(
            "this is {}; `--output FOLDER` writes all files of {}, `--format FILE` prints another one: {}",
            first.name,
            format.name,
            others.join(", ")
        ));
    }
    match String::from_utf8(drawn) {
        // Names from the log must not act on a terminal; elsewhere a file is what it is.
        Ok(text) if terminal => print_view(&text),
        Ok(text) => print_raw(text.as_bytes()),
        Err(binary) => print_raw(binary.as_bytes()),
    }
}

/// Opens a page with the program that the system has for it. Where there is none, its path is of use.
fn show(page: &Path) -> Result<(), Failure> {
    let path = std::path::absolute(page).unwrap_or_else(|_| page.to_owned());
    if open::that_detached(&path).is_ok() {
        return print(&format!("Opening {}\n", path.display()));
    }
    say(&format!(
        "no program of this computer could open it; open this in a browser: {}",
        path.display()
    ));
    Ok(())
}

/// How wide the terminal view may be.
fn width(arguments: &Arguments) -> Option<usize> {
    let asked = arguments.width.map(usize::from);
    asked.or_else(super::terminal_width)
}
