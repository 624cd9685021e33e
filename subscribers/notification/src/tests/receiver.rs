//! A receiver of the webhook that answers, fails, stalls, closes connections, goes away and comes
//! back on the same port, as it is told. It checks every signature, and holds the sender to what it
//! promises: one key a message, and no message to anybody before the one before it was taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ring::hmac;
use runtime::ports::Ports;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::channel::{
    Webhook,
    webhook::{Options, Secret},
};

pub(super) const SECRET: &[u8] = b"0123456789abcdef";

/// What is done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Do {
    /// It is answered so; below 300 it is taken.
    Answer(u16),
    /// So, after a moment in which nobody else may ask for the same recipient.
    Slowly(u16),
    /// With a wish to be left alone, in seconds.
    Later(u16, u32),
    /// Nothing is answered as long as anybody waits.
    Stall,
    /// The connection is closed without an answer.
    Close,
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) key: String,
    pub(super) recipient: String,
    pub(super) template: String,
    pub(super) text: String,
    pub(super) order: String,
}

type Script = Box<dyn FnMut(&Got) -> Do + Send>;

#[derive(Default)]
pub(super) struct Book {
    /// Everything that came, in order.
    pub(super) got: Vec<Got>,
    /// The keys of what was taken, by recipient, in order.
    pub(super) taken: BTreeMap<String, Vec<String>>,
    /// Whom requests are in hand for.
    in_hand: BTreeSet<String>,
    /// What went against a promise.
    pub(super) broken: Vec<String>,
}

pub(super) struct Receiver {
    address: SocketAddr,
    ports: Ports,
    book: Arc<Mutex<Book>>,
    script: Arc<Mutex<Script>>,
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.go_away();
    }
}

impl Receiver {
    /// Listens on a free port and does what the script says.
    pub(super) async fn start(script: impl FnMut(&Got) -> Do + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            ports: Ports::system(),
            book: Arc::default(),
            script: Arc::new(Mutex::new(Box::new(script))),
            tasks: Arc::default(),
        };
        receiver.listen(listener);
        receiver
    }

    /// A webhook that leads here.
    pub(super) fn webhook(&self, timeout: Duration) -> Arc<Webhook> {
        let url = format!("http://{}/send", self.address);
        let secret = Secret::new(SECRET).unwrap();
        let options = Options { url, secret, timeout, ca_file: None };
        Arc::new(Webhook::new(options, &self.ports).unwrap())
    }

    /// From now on that is done.
    pub(super) fn now_do(&self, script: impl FnMut(&Got) -> Do + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// Listens no more, and breaks off what is in hand.
    pub(super) fn go_away(&self) {
        self.tasks.lock().unwrap().drain(..).for_each(|task| task.abort());
        // Also after a test has failed with the book in its hands.
        self.book.lock().unwrap_or_else(PoisonError::into_inner).in_hand.clear();
    }

    /// Listens again, on the same port.
    pub(super) async fn come_back(&self) {
        self.listen(TcpListener::bind(self.address).await.unwrap());
    }

    pub(super) fn book<T>(&self, read: impl FnOnce(&Book) -> T) -> T {
        read(&self.book.lock().unwrap())
    }

    /// Waits until that holds.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Book) -> bool) {
        for _ in 0..3_000 {
            if self.book(&holds) {
                return;
            }
            self.ports.clock.sleep(Duration::from_millis(10)).await;
        }
        self.book(|book| panic!("{what}: {:#?}", book.got));
    }

    fn listen(&self, listener: TcpListener) {
        let (book, script, tasks) =
            (Arc::clone(&self.book), Arc::clone(&self.script), Arc::clone(&self.tasks));
        let ports = self.ports.clone();
        let accepting = self.ports.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (book, script) = (Arc::clone(&book), Arc::clone(&script));
                let task = ports.spawn(async move {
                    let _ = serve(stream, &book, &script).await; // it may break off
                });
                tasks.lock().unwrap().push(task);
            }
        });
        self.tasks.lock().unwrap().push(accepting);
    }
}

/// One request on one connection; none where it breaks off.
async fn serve(mut stream: TcpStream, book: &Mutex<Book>, script: &Mutex<Script>) -> Option<()> {
    let (head, body) = read(&mut stream).await?;
    let got = understand(&head, &body, book);
    book.lock().unwrap().arrives(&got);
    let act = (script.lock().unwrap())(&got);
    if let Do::Slowly(_) = act {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
    // Before the answer: whoever has it may send the next one.
    book.lock().unwrap().in_hand.remove(&got.recipient);
    let (status, after) = match act {
        Do::Answer(status) | Do::Slowly(status) => (status, String::new()),
        Do::Later(status, seconds) => (status, format!("retry-after: {seconds}\r\n")),
        Do::Close => return None,
        Do::Stall => {
            // Until whoever waits has gone.
            drop(stream.read(&mut [0]).await);
            return None;
        }
    };
    if status < 300 {
        let mut book = book.lock().unwrap();
        book.taken.entry(got.recipient.clone()).or_default().push(got.key.clone());
    }
    let answer = format!("HTTP/1.1 {status} So\r\n{after}content-length: 2\r\n\r\n{{}}");
    stream.write_all(answer.as_bytes()).await.ok()
}

async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = header(head, "content-length")?.parse().ok()?;
            if body.len() >= length {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        let mut buffer = [0; 4_096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

fn understand(head: &str, body: &str, book: &Mutex<Book>) -> Got {
    let mut broken = Vec::new();
    if !head.starts_with("POST /send HTTP/1.1\r\n") {
        broken.push(format!("another request: {head}"));
    }
    let named = |name| header(head, name).unwrap_or_default();
    let signed = format!("{}.{body}", named("x-expeditor-timestamp"));
    let signature = named("x-expeditor-signature");
    let tag: Vec<u8> = signature
        .strip_prefix("v1=")
        .unwrap_or_default()
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    if hmac::verify(&key, signed.as_bytes(), &tag).is_err() {
        broken.push(format!("the signature is wrong: {head}"));
    }
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let text =
        |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
    if text("/key") != named("idempotency-key") {
        broken.push("the key in the header is another one".to_owned());
    }
    book.lock().unwrap().broken.extend(broken);
    Got {
        key: text("/key"),
        recipient: format!("{}:{}", text("/recipient/kind"), text("/recipient/id")),
        template: text("/template"),
        text: text("/text"),
        order: text("/order_id"),
    }
}

impl Book {
    fn arrives(&mut self, got: &Got) {
        if !self.in_hand.insert(got.recipient.clone()) {
            self.broken.push(format!("two at a time: {got:?}"));
        }
        let same = |other: &&Got| other.key == got.key;
        if self.got.iter().find(same).is_some_and(|before| before != got) {
            self.broken.push(format!("one key for two messages: {got:?}"));
        }
        self.got.push(got.clone());
    }

    /// The messages to that recipient as they first arrived.
    pub(super) fn first_seen(&self, recipient: &str) -> Vec<&str> {
        let mut seen = Vec::new();
        for got in self.got.iter().filter(|got| got.recipient == recipient) {
            if !seen.contains(&got.key.as_str()) {
                seen.push(&got.key);
            }
        }
        seen
    }
}
