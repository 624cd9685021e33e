//! Listens to a stream of events, line by line as they come, and no faster than it is asked to.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::client::{head, soon};

/// What a stream told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// When to come back.
    Retry(u64),
    /// Its id and its data.
    Event(String, String),
    /// Nothing new.
    Beat,
    /// It has ended.
    End,
}

pub(crate) struct Listener {
    pub(crate) status: u16,
    pub(crate) head: String,
    stream: BufReader<TcpStream>,
    id: String,
}

impl Listener {
    /// Asks for a stream, and has heard the head of what is answered.
    pub(crate) async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = head(&format!("GET {path}"), headers);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut listener = Self {
            status: 0,
            head: String::new(),
            stream: BufReader::new(stream),
            id: String::new(),
        };
        listener.read_head().await;
        listener
    }

    /// What comes next of its connection, once that was read.
    pub(crate) async fn behind(mut stream: BufReader<TcpStream>, answer: usize) -> Self {
        let mut listener = loop {
            let mut line = String::new();
            soon(stream.read_line(&mut line)).await.unwrap();
            if line == "\r\n" {
                let mut body = vec![0; answer];
                soon(stream.read_exact(&mut body)).await.unwrap();
                assert!(body.iter().all(|byte| *byte == b'x'), "it is whole");
                let (head, id) = Default::default();
                break Self { status: 0, head, stream, id };
            }
        };
        listener.read_head().await;
        listener
    }

    async fn read_head(&mut self) {
        while !self.head.ends_with("\r\n\r\n") {
            assert!(self.line().await.is_some(), "no head: {:?}", self.head);
        }
        self.status = self.head.split(' ').nth(1).unwrap().parse().unwrap();
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        // A stream that was cut off has ended too.
        let read = soon(self.stream.read_line(&mut line)).await.unwrap_or(0);
        if self.status == 0 {
            self.head.push_str(&line);
        }
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// What is told next. The lengths of chunks, and blank lines, tell nothing.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            let Some(line) = self.line().await else { return Heard::End };
            if line.starts_with(':') {
                return Heard::Beat;
            }
            match line.split_once(": ") {
                Some(("retry", millis)) => return Heard::Retry(millis.parse().unwrap()),
                Some(("event", name)) => assert_eq!(name, "counted"),
                Some(("id", id)) => id.clone_into(&mut self.id),
                Some(("data", data)) => return Heard::Event(self.id.clone(), data.to_owned()),
                _ => {}
            }
        }
    }

    /// The id of the next event.
    pub(crate) async fn id(&mut self) -> String {
        let hearing = async {
            loop {
                match self.hear().await {
                    Heard::Event(id, _) => return id,
                    Heard::Retry(_) | Heard::Beat => {}
                    Heard::End => panic!("the stream has ended"),
                }
            }
        };
        soon(hearing).await
    }

    /// All that is still told, of an answer that ends.
    pub(crate) async fn rest(mut self) -> String {
        let mut rest = String::new();
        soon(self.stream.read_to_string(&mut rest)).await.unwrap();
        rest
    }
}
