//! The binary: runs the command line and turns a failure into one line and an exit status.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(expeditor::run(std::env::args_os())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let line = expeditor::exit::one_line(&failure.to_string());
            expeditor::print::aside(format_args!("expeditor: {line}"));
            ExitCode::from(failure.status())
        }
    }
}
