//! Servers that speak no HTTP.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Record;

/// Speaks first; then answers, at the client's end, what it was sent.
pub(super) async fn greet(mut stream: TcpStream, pod: &str) -> io::Result<()> {
    stream.write_all(format!("hello from {pod}\n").as_bytes()).await?;
    let mut sent = Vec::new();
    stream.read_to_end(&mut sent).await?;
    stream.write_all(&sent).await
}

/// Waits for the client's end, and tells how many bytes it was sent.
pub(super) async fn count(mut stream: TcpStream) -> io::Result<()> {
    let mut sent = Vec::new();
    stream.read_to_end(&mut sent).await?;
    stream.write_all(format!("{} bytes\n", sent.len()).as_bytes()).await
}

/// Says all that it has to say, and ends its own direction; keeps what it is sent after that, in whole.
pub(super) async fn haste(mut stream: TcpStream, record: Arc<Record>) -> io::Result<()> {
    stream.write_all(b"all\n").await?;
    stream.shutdown().await?;
    let mut sent = Vec::new();
    stream.read_to_end(&mut sent).await?;
    record.kept.send_replace(sent);
    Ok(())
}

/// Says a part of what it has to say once it is asked, and breaks off.
pub(super) async fn break_off(mut stream: TcpStream) -> io::Result<()> {
    stream.read_u8().await?;
    stream.write_all(b"a part of").await?;
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))
}

/// Sends back what it is sent, as it comes.
pub(super) async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let (mut read, mut write) = stream.split();
    tokio::io::copy(&mut read, &mut write).await?;
    write.shutdown().await
}
