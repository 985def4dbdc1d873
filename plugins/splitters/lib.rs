//! The built-in splitters: one file a plugin.
//!
//! Only `global_time`, `rolling_time`, and `held_out_users` with `cut = "time"` keep every model from
//! learning what came after the events it is asked for. Pictures of all are in `README.md`.

mod given;
mod global_time;
mod held_out_users;
mod leave_last;
mod parts;
mod random;
mod rolling_time;

pub use given::Given;
pub use global_time::GlobalTime;
pub use held_out_users::{Cut, HeldOutUsers};
pub use leave_last::LeaveLast;
pub use random::Random;
pub use rolling_time::RollingTime;

#[cfg(test)]
mod tests {
    use musicrec_api::{Kind, conformance};

    #[test]
    fn every_splitter_keeps_its_promises() {
        conformance::every(Kind::Splitter);
    }
}
