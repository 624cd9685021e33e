//! A way to the broker that a test can cut, as networks do: without a word to either side.

use std::net::Ipv4Addr;

use runtime::ports::Ports;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub(crate) struct Proxy {
    host: String,
    open: watch::Sender<bool>,
}

impl Proxy {
    pub(crate) async fn to(server: &str, ports: &Ports) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (open, watching) = watch::channel(true);
        let (server, spawning) = (server.to_owned(), ports.clone());
        drop(ports.spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut open = watching.clone();
                if !*open.borrow_and_update() {
                    continue;
                }
                let mut server = TcpStream::connect(&server).await.unwrap();
                drop(spawning.spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = open.wait_for(|open| !open) => {}
                    }
                }));
            }
        }));
        Self { host, open }
    }

    /// Where it listens, host and port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Ends every connection and takes no other.
    pub(crate) fn cut(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.open.send_replace(true);
    }
}
