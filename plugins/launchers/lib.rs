//! The built-in launchers: one file a plugin. They stand in a cluster file, never in a definition.

mod command;
mod local;
mod manual;
mod ray;
mod slurm;

pub use local::Local;
pub use manual::Manual;
pub use ray::Ray;
pub use slurm::Slurm;

#[cfg(test)]
mod tests {
    use musicrec_api::{Kind, conformance};

    #[test]
    fn every_launcher_keeps_its_promises() {
        conformance::every(Kind::Launcher);
    }
}
