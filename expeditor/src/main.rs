//! The binary: runs the command line and turns a failure into one line and an exit status.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match expeditor::run(std::env::args_os()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("expeditor: {}", expeditor::exit::one_line(&failure.to_string()));
            ExitCode::from(failure.status())
        }
    }
}
