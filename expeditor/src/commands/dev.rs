//! `dev`: the whole system in one process, on the files of a directory; stays up until it is told
//! to end. A restart on the same directory goes on where it was.

use std::{net::SocketAddr, time::Duration};

use runtime::ports::Ports;

use crate::{
    cli::DevArgs,
    config::{File, LISTEN, Number},
    exit::Failure,
    people::{
        book::Book,
        client::{Client, Trouble},
        crowd::Crowd,
        customer::Errand,
        pace::Closing,
        plan::{Plan, Plans},
    },
    print, signals,
    system::System,
};

/// Simulated customers look at their orders as long as the slowest ending takes with the default
/// deadlines, and some more.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How far ahead a simulated order for later lies: further than is asked for by default.
const LEAD: Duration = Duration::from_secs(330);
/// How long a simulated person repeats a request that is not answered, and waits for the menus.
const CLIENT_PATIENCE: Duration = Duration::from_secs(30);

/// Runs it.
pub async fn run(options: DevArgs, file: File) -> Result<(), Failure> {
    let listen = options.listen.or(file.dev.listen).unwrap_or(LISTEN);
    let data = file.data(options.data, file.dev.data.as_ref());
    let simulate = options.simulate.or(file.dev.simulate);
    loopback("dev", listen)?;
    let ports = Ports::system();
    let mut closing = signals::closing(&ports);
    let system = System::start(&data, listen, file.services, ports.clone()).await?;
    let program = std::env::args().next().unwrap_or_else(|| "expeditor".to_owned());
    print::line(greeting(&program, &system.url(), &data.display().to_string()));
    if let Some(rate) = simulate {
        let url = system.url();
        let client = Client::new(url, ports.clone(), CLIENT_PATIENCE);
        print::line(format_args!("Simulated customers place {} orders a second.", rate.get()));
        ports.spawn(simulation(client, closing.clone(), rate));
    }
    closing.wait().await;
    print::line(format_args!("Stopping; a restart on {} goes on from here.", data.display()));
    system.stop().await;
    Ok(())
}

/// Nobody has to log in, so nobody from elsewhere may come in.
pub fn loopback(command: &str, listen: SocketAddr) -> Result<(), Failure> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{command} listens on loopback only, since nobody has to log in: not on {listen}"
    )))
}

/// Commands to be copied name the program by the path that it was started by.
fn greeting(program: &str, url: &str, data: &str) -> String {
    format!(
        "Expeditor listens on {url} and keeps its data in {data}. Ctrl-C ends it.\n\
         To try, in another terminal:\n  \
         curl -X PUT {url}/store/stores/s1/menu/m1 -H 'content-type: application/json' \\\n    \
         -d '{{\"name\":\"Bibimbap\",\"price\":{{\"amount\":9500,\"currency\":\"KRW\"}},\"stock\":10}}'\n  \
         curl {url}/catalog/stores/s1\n  \
         {program} saga list --url {url}\n  \
         {program} audit --data {data}"
    )
}

/// People who order, cook and ride until it is time to end.
async fn simulation(client: Client, closing: Closing, rate: Number) {
    // Orders of people who are gone since the last start are carried to their end.
    let run = client.ports().ids.next();
    let book = Book::with_earlier(run.to_string(), Plan::Deliver);
    let mut plans = Plans::new(run.as_u64_pair().1);
    let errands = (0..).map(move |number| Errand {
        number,
        plan: plans.draw(),
        key: format!("simulate-{run}-{number}"),
        lead: LEAD,
    });
    let ended = match Crowd::gather(client, book, closing, CLIENT_PATIENCE).await {
        Ok(mut crowd) => {
            let result = crowd.serve(errands, rate.get(), PATIENCE, tell).await.map(|_| ());
            crowd.dismiss().await;
            result
        }
        Err(trouble) => Err(trouble),
    };
    if let Err(Trouble::Down(text) | Trouble::Odd(text)) = ended {
        tracing::error!(reason = text, "the simulated people have gone home");
    }
}

fn tell(outcome: Result<crate::people::outcome::Outcome, String>) {
    match outcome.map(|outcome| outcome.complaint()) {
        Ok(None) => {}
        Ok(Some(text)) | Err(text) => {
            tracing::warn!(reason = text, "a simulated order went otherwise than planned");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_listened_on() {
        for (address, fine) in [
            ("127.0.0.1:8080", true),
            ("[::1]:80", true),
            ("0.0.0.0:8080", false),
            ("192.168.0.1:80", false),
        ] {
            let result = loopback("dev", address.parse().unwrap());
            assert_eq!(result.is_ok(), fine, "{address}");
            assert!(result.is_ok() || result.unwrap_err().status() == 2);
        }
    }

    #[test]
    fn the_greeting_says_where_and_what_to_try() {
        let text = greeting("target/debug/expeditor", "http://127.0.0.1:8080", "./data");
        for part in [
            "http://127.0.0.1:8080/store",
            "./data",
            "target/debug/expeditor saga list",
            "expeditor audit --data ./data",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }
}
