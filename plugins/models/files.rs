//! Files that models name in their parameters.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use musicrec_api::{Error, Problem, Result};
use sha2::{Digest as _, Sha256};

/// Names the content of files by what the definition calls them and their bytes.
///
/// # Errors
/// If one cannot be read.
pub(crate) fn fingerprint<'a>(
    base: &Path,
    files: impl IntoIterator<Item = &'a str>,
) -> Result<String> {
    let mut all = Sha256::new();
    for name in files {
        let content = hash(&base.join(name)).map_err(|error| {
            Error::io(format!("cannot read {}", base.join(name).display()), error)
        })?;
        all.update(format!("{name}\0{content}\n"));
    }
    Ok(format!("sha256:{}", hexadecimal(&all.finalize())))
}

fn hash(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            read => hash.update(&piece[..read]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("writing to a string");
        out
    })
}

/// That the file a parameter names is not there: one that is no folder.
pub(crate) fn missing(
    base: &Path,
    name: &str,
    parameter: impl Into<String>,
    remedy: &str,
) -> Option<Problem> {
    let path = base.join(name);
    let what = format!("there is no file {}", path.display());
    let problem = || Problem::at(parameter, what).remedy(remedy).of_data();
    (!path.is_file()).then(problem)
}

/// A path that holds wherever a process works.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    // The folder of a file that is named without one is empty.
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::absolute;

    #[test]
    fn no_folder_is_the_one_where_the_process_works() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(absolute(Path::new("")), here);
        assert_eq!(absolute(Path::new("x.py")), here.join("x.py"));
    }
}
