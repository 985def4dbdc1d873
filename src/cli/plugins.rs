//! `musicrec-lab plugins`: what there is to compose.

use std::ffi::OsStr;
use std::io::IsTerminal as _;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command, Error, ValueEnum};

use super::markdown::{Style, cut, render};
use super::{no_color, print, print_rendered};
use crate::exit::Failure;
use crate::reference;
use crate::text::visible;

/// List the plugins, or print the reference of one (`plugins als`, `plugins model.als`)
///
/// Plugins of other crates that are linked into this program are listed too. On a terminal the text is
/// wrapped; into a file or a pipe it goes as Markdown, as in plugins/README.md.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab plugins
  musicrec-lab plugins als
  musicrec-lab plugins models
  musicrec-lab plugins splitter.random --format json")]
pub(super) struct Arguments {
    /// A plugin's name, `kind.name`, or a kind (`model` or `models`); all of them in short if absent
    #[arg(value_parser = Name, hide_possible_values = true)]
    plugin: Option<String>,

    /// Text for people, or JSON with the schema of each parameter for programs
    #[arg(long, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Any name: completions know those there are, and a wrong one is answered with a near one later.
#[derive(Debug, Clone)]
struct Name;

impl TypedValueParser for Name {
    type Value = String;

    fn parse_ref(&self, c: &Command, a: Option<&Arg>, v: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(c, a, v)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = reference::names().into_iter();
        Some(Box::new(
            names.map(|(name, about)| PossibleValue::new(name).help(about)),
        ))
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let plugins = match &arguments.plugin {
        Some(name) => reference::find(name)?,
        None => musicrec_api::registrations(),
    };
    if arguments.format == Format::Json {
        let text = serde_json::to_string_pretty(&reference::json(&plugins)).expect("plain data");
        return print(&format!("{text}\n"));
    }
    let listed = arguments.plugin.is_none();
    let text = if listed {
        reference::list()
    } else {
        reference::markdown(&plugins)
    };
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return print(&text);
    }
    let columns = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    let style = Style {
        // Longer lines are hard to read.
        width: columns.clamp(40, 100),
        color: !no_color(),
    };
    print_rendered(&if listed {
        let style = Style {
            width: columns,
            ..style
        };
        cut(&visible(&text), style)
    } else {
        render(&visible(&text), style)
    })
}
