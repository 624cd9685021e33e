//! Ends this process when the one that started it is gone, also where that one was killed: whoever
//! starts children holds the other end of their stdin, and the system closes it with its holder.
//!
//! Holds only who was told so by [`VARIABLE`]: stdin at its end means nothing to anybody else.

/// Set in the environment of children that are to end with whoever started them.
pub const VARIABLE: &str = "EXPEDITOR_ENDS_WITH_STDIN";

/// Resolves when whoever started this process is gone; never where nobody holds it.
pub async fn parent_gone() {
    if std::env::var_os(VARIABLE).is_none() {
        return std::future::pending().await;
    }
    if let Err(error) = end_of_stdin().await {
        tracing::warn!(%error, "this process would not notice the end of the one that started it");
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn end_of_stdin() -> std::io::Result<()> {
    use std::os::fd::AsFd;

    let stdin = std::io::stdin().as_fd().try_clone_to_owned()?;
    let pipe = tokio::net::unix::pipe::Receiver::from_owned_fd(stdin)?;
    let mut ignored = [0; 64];
    loop {
        pipe.readable().await?;
        match pipe.try_read(&mut ignored) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(not(unix))]
async fn end_of_stdin() -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
