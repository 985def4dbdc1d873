//! The program `musicrec-lab`; everything is in the library, so that other binaries can link further
//! plugins and be the same program.

fn main() -> std::process::ExitCode {
    musicrec_lab::main()
}
