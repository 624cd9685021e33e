//! TLS to real servers: who is verified is reached, and nobody else; what is told is one line with
//! the reason, and never the password.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod database;
mod queue_broker;
mod trusting;

/// One line that names all of these and shows no password of that URL.
#[track_caller]
fn told(text: &str, url: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    let password = url.split([':', '@']).nth(2).unwrap();
    assert!(password.len() > 8 && !text.contains(password), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

/// Starting servers is not for the threads that tasks run on.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
