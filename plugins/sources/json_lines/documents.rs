//! The objects of a file, one after the other, as text.

use std::io::{self, BufRead, BufReader, Read as _};

use crate::common::fault::Fault;
use crate::common::input::Input;
use crate::common::stream::{LONGEST_ROW, Stream};

/// The objects of a file as text: its lines, or the entries of the array that it is. Whether they are
/// objects is not looked at.
pub(super) struct Documents<'a> {
    input: &'a Input,
    text: BufReader<Stream>,
    form: Form,
    buffer: Vec<u8>,
    /// The line where reading has come to, counted from 1.
    line: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Lines,
    /// An array; whether it is over, and whether an entry must come, behind a comma.
    Array {
        over: bool,
        awaited: bool,
    },
}

/// The text of an object.
pub(super) struct Document<'a> {
    pub(super) text: &'a [u8],
    /// The line in which it begins, counted from 1.
    pub(super) line: u64,
}

impl<'a> Documents<'a> {
    pub(super) fn of(input: &'a Input) -> Result<Self, Fault> {
        let text = input.open()?;
        let mut documents = Self {
            input,
            text: BufReader::with_capacity(text.buffer, text),
            form: Form::Lines,
            buffer: Vec::new(),
            line: 1,
        };
        if documents.skip_blanks()? == Some(b'[') {
            documents.text.consume(1);
            documents.form = Form::Array {
                over: false,
                awaited: false,
            };
        }
        Ok(documents)
    }

    /// Whether the file is an array, of which nothing is left once an entry is damaged.
    pub(super) fn is_array(&self) -> bool {
        self.form != Form::Lines
    }

    /// The next object; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Document<'_>>, Fault> {
        self.buffer.clear();
        let begins = match self.form {
            Form::Lines => self.line()?,
            Form::Array { over: true, .. } => return Ok(None),
            Form::Array { awaited, .. } => self.entry(awaited)?,
        };
        Ok(begins.map(|line| Document {
            text: self.buffer.trim_ascii(),
            line,
        }))
    }

    /// Reads the next line that is not blank; the number of it.
    fn line(&mut self) -> Result<Option<u64>, Fault> {
        loop {
            self.buffer.clear();
            let mut line = self.text.by_ref().take(LONGEST_ROW + 1);
            let read = line.read_until(b'\n', &mut self.buffer);
            read.map_err(|e| failed(self.input, e, &self.text, self.line))?;
            if self.buffer.is_empty() {
                return Ok(None);
            }
            let begins = self.line;
            if self.buffer.len() as u64 > LONGEST_ROW {
                return Err(self.too_long(begins));
            }
            self.line += 1;
            if !self.buffer.trim_ascii().is_empty() {
                return Ok(Some(begins));
            }
        }
    }

    /// Reads the next entry of the array up to the comma or bracket behind it; the line in which it
    /// begins.
    fn entry(&mut self, awaited: bool) -> Result<Option<u64>, Fault> {
        let first = self.skip_blanks()?;
        if first == Some(b']') && !awaited {
            self.text.consume(1);
            return self.end().map(|()| None);
        }
        let begins = self.line;
        let (mut depth, mut within, mut escaped) = (0u64, false, false);
        loop {
            let (input, line) = (self.input, self.line);
            let bytes = match self.text.fill_buf() {
                Ok(bytes) => bytes,
                Err(e) => return Err(failed(input, e, &self.text, line)),
            };
            if bytes.is_empty() {
                let what = format!("the array ends within the entry that begins in line {begins}");
                return Err(self.cut_short(&what));
            }
            let mut end = None;
            for (at, &byte) in bytes.iter().enumerate() {
                self.line += u64::from(byte == b'\n');
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if within => escaped = true,
                    b'"' => within = !within,
                    _ if within => {}
                    b'{' | b'[' => depth += 1,
                    b',' | b']' if depth == 0 => {
                        end = Some((at, byte));
                        break;
                    }
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            let taken = end.map_or(bytes.len(), |(at, _)| at);
            self.buffer.extend_from_slice(&bytes[..taken]);
            self.text.consume(taken + usize::from(end.is_some()));
            if self.buffer.len() as u64 > LONGEST_ROW {
                return Err(self.too_long(begins));
            }
            match end {
                None => {}
                Some((_, b',')) => {
                    self.form = Form::Array {
                        over: false,
                        awaited: true,
                    };
                    return Ok(Some(begins));
                }
                Some(_) => return self.end().map(|()| Some(begins)),
            }
        }
    }

    /// Ends the array: nothing may come behind it.
    fn end(&mut self) -> Result<(), Fault> {
        self.form = Form::Array {
            over: true,
            awaited: false,
        };
        match self.skip_blanks()? {
            None => Ok(()),
            Some(_) => Err(Fault::data(
                &self.input.parameter,
                format!(
                    "{}, line {}: there is more behind the end of the array",
                    self.input.shown(),
                    self.line
                ),
                "a file must be one array of objects, or have one object a line",
            )),
        }
    }

    /// The next byte that is not blank, which is not taken.
    fn skip_blanks(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let (input, line) = (self.input, self.line);
            let bytes = match self.text.fill_buf() {
                Ok(bytes) => bytes,
                Err(e) => return Err(failed(input, e, &self.text, line)),
            };
            if bytes.is_empty() {
                return Ok(None);
            }
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            let blanks = bytes.iter().take_while(|byte| blank(byte)).count();
            let lines = bytes[..blanks].split(|byte| *byte == b'\n').count() - 1;
            let next = bytes.get(blanks).copied();
            self.line += lines as u64;
            self.text.consume(blanks);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    fn too_long(&self, line: u64) -> Fault {
        let what = if self.is_array() { "entry" } else { "object" };
        Fault::data(
            &self.input.parameter,
            format!(
                "{}: the {what} that begins in line {line} has more than {} MiB",
                self.input.shown(),
                LONGEST_ROW >> 20
            ),
            "a file must be one array of objects, or have one object a line",
        )
    }

    fn cut_short(&self, what: &str) -> Fault {
        Fault::data(
            &self.input.parameter,
            format!("{}, line {}: {what}", self.input.shown(), self.line),
            format!("fetch the file again (`{}`)", self.input.key()),
        )
    }
}

fn failed(input: &Input, error: io::Error, text: &BufReader<Stream>, line: u64) -> Fault {
    input.failed(error, text.get_ref().packed.then_some(line))
}
