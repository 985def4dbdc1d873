//! The built-in splitters: one file a plugin.
//!
//! Only `global_time` keeps every model from learning what came after the events it is asked for.

mod given;
mod global_time;
mod leave_last;
mod parts;
mod random;

pub use given::Given;
pub use global_time::GlobalTime;
pub use leave_last::LeaveLast;
pub use random::Random;

#[cfg(test)]
mod tests {
    use musicrec_api::{Kind, conformance};

    #[test]
    fn every_splitter_keeps_its_promises() {
        conformance::every(Kind::Splitter);
    }
}
