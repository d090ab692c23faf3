//! The `unchoke` command.

fn main() -> std::process::ExitCode {
    unchoke_net::cli::main()
}
