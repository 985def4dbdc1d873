//! Cluster files: which launchers there are and how they are set, `[launcher.slurm]`. They are no part of a
//! definition, which runs everywhere.

use std::path::Path;

use musicrec_api::{Kind, Launcher, nearest};

use super::checks::{Checks, book};
use super::fault::{Fault, Faults, Sources};
use super::tree::{Node, Value};
use super::typed::typed;
use super::{KEYS, plugins, without_mark};
use crate::exit::Failure;

/// The only key of a cluster file.
const LAUNCHER: &str = "launcher";

/// The launcher of a name as a cluster file sets it, with its defaults where the file does not name it or
/// there is none. Everything in the file is checked.
///
/// # Errors
/// All faults, rendered.
pub(crate) fn launcher(
    name: &str,
    file: Option<&Path>,
    color: bool,
) -> Result<Box<dyn Launcher>, Failure> {
    let known = plugins::names(Kind::Launcher);
    if !known.contains(&name) {
        let hint = nearest(name, known.iter().copied());
        return Err(Failure::Definition(format!(
            "there is no launcher `{name}`{}; there are: {}",
            hint.map_or(String::new(), |near| format!(", did you mean `{near}`?")),
            known.join(", ")
        )));
    }
    let mut sources = Sources::default();
    let mut faults = Faults::new(1);
    let mut set = None;
    if let Some(path) = file {
        match sources.read(path) {
            Ok(text) => {
                sources.add(path.display().to_string(), without_mark(&text));
                let base = path.parent().unwrap_or(Path::new(""));
                match Node::parse(&sources, 0) {
                    Ok(root) => set = named(root, name, base, &mut faults),
                    Err(found) => faults.extend(found),
                }
            }
            Err(error) => faults.push(
                Fault::nowhere(format!(
                    "cannot read the cluster file {}: {error}",
                    path.display()
                ))
                .help("it is a TOML file with tables such as [launcher.slurm]"),
            ),
        }
    }
    if faults.errors() > 0 {
        return Err(faults.failure(&sources, color));
    }
    match set {
        Some(launcher) => Ok(launcher),
        None => serde_json::from_value(serde_json::json!({ name: {} })).map_err(|error| {
            Failure::Definition(format!(
                "the launcher `{name}` cannot do without a cluster file (--cluster): {error}"
            ))
        }),
    }
}

/// Checks all launchers of a file and returns the one of a name.
fn named(
    mut root: Node,
    name: &str,
    base: &Path,
    faults: &mut Faults,
) -> Option<Box<dyn Launcher>> {
    let entry = root.take(LAUNCHER);
    if entry.is_none()
        && let Some(key) = KEYS.iter().find_map(|key| root.get(key))
    {
        faults.push(
            Fault::at(
                key.place.clone(),
                format!("this is a definition, for it has `{}`, and no cluster file", key.key),
            )
            .help("a cluster file has tables such as [launcher.slurm] and nothing else; it is named by --cluster, \
                   and the definition comes right behind `sweep`"),
        );
        return None;
    }
    if let Value::Table(others) = &root.value {
        for other in others {
            let message = format!("unknown key `{}`, expected `{LAUNCHER}`", other.key);
            faults.push(
                Fault::at(other.place.clone(), message)
                    .suggest(&other.key, [LAUNCHER])
                    .help("a cluster file has tables such as [launcher.slurm], and nothing else"),
            );
        }
    }
    let entry = entry?;
    let mut found = None;
    for plugin in plugins::named(&entry.node, Kind::Launcher, faults) {
        let own = plugin.name == name;
        let node = plugin.into_node();
        let Some(launcher) = typed::<Box<dyn Launcher>>(&node, faults) else {
            continue;
        };
        book(launcher.check(&Checks::new(base).context()), &node, faults);
        if own && found.is_some() {
            faults.push(
                Fault::at(node.place.clone(), format!("`{name}` stands here twice"))
                    .help("a launcher has one table"),
            );
        }
        if own {
            found = Some(launcher);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::launcher;
    use crate::exit::Failure;

    fn of(text: &str, name: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.toml");
        std::fs::write(&path, text).unwrap();
        match launcher(name, Some(&path), false) {
            Ok(launcher) => Ok(serde_json::to_string(&launcher).unwrap()),
            Err(Failure::Faults(text)) => Err(text),
            Err(failure) => Err(failure.message()),
        }
    }

    #[test]
    fn a_launcher_is_set_by_its_table_and_has_its_defaults_without() {
        let text = "[launcher.slurm]\ntime = \"1:00:00\"\ncpus = 2\n\n[launcher.local]\n";
        let slurm = of(text, "slurm").unwrap();
        assert!(slurm.contains("\"time\":\"1:00:00\"") && slurm.contains("\"cpus\":2"));
        assert_eq!(of(text, "local").unwrap(), r#"{"local":{}}"#);
        assert_eq!(of("", "manual").unwrap(), r#"{"manual":{}}"#);
        assert!(launcher("slurm", None, false).is_ok());
    }

    #[test]
    fn every_fault_has_its_place() {
        let text = "launchers = 1\n[launcher.slurm]\ntime = \"soon\"\ncpu = 2\n[launcher.slrum]\n";
        let faults = of(text, "slurm").unwrap_err();
        for phrase in [
            "cluster.toml:1:1",
            "unknown key `launchers`",
            "cluster.toml:4:1",
            "did you mean `cpus`",
            "did you mean `slurm`",
        ] {
            assert!(faults.contains(phrase), "{phrase}: {faults}");
        }
        let faults = of("[launcher.slurm]\ntime = \"soon\"\n", "local").unwrap_err();
        assert!(faults.contains("cluster.toml:2:8"), "{faults}");
        let faults = of("name = \"x\"\n[source.csv]\n[model.als]\n", "slurm").unwrap_err();
        assert_eq!(faults.matches("error").count(), 1, "{faults}");
        assert!(
            faults.contains("cluster.toml:1:1") && faults.contains("this is a definition"),
            "{faults}"
        );
        let faults = of("[launcher.slurm]\nsetup = \"a\"\n", "slurm").unwrap_err();
        assert!(faults.contains("setup = [\"a\"]"), "{faults}");
        let missing = launcher("slurm", Some("no/such.toml".as_ref()), false);
        let message = missing.unwrap_err().message();
        assert!(message.contains("no/such.toml"), "{message}");
        let message = of("", "slrum").unwrap_err();
        assert!(message.contains("did you mean `slurm`?"), "{message}");
    }
}
