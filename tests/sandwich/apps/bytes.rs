//! Servers that speak no HTTP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Speaks first; then answers, at the client's end, what it was sent.
pub(super) async fn greet(mut stream: TcpStream, pod: &str) -> std::io::Result<()> {
    stream.write_all(format!("hello from {pod}\n").as_bytes()).await?;
    let mut sent = Vec::new();
    stream.read_to_end(&mut sent).await?;
    stream.write_all(&sent).await
}

/// Waits for the client's end, and tells how many bytes it was sent.
pub(super) async fn count(mut stream: TcpStream) -> std::io::Result<()> {
    let mut sent = Vec::new();
    stream.read_to_end(&mut sent).await?;
    stream.write_all(format!("{} bytes\n", sent.len()).as_bytes()).await
}

/// Says all that it has to say, and ends its own direction; keeps what it is sent after that, in whole.
pub(super) async fn haste(mut stream: TcpStream) -> std::io::Result<Vec<u8>> {
    stream.write_all(b"all\n").await?;
    stream.shutdown().await?;
    let mut sent = Vec::new();
    stream.read_to_end(&mut sent).await?;
    Ok(sent)
}

/// Sends back what it is sent, as it comes.
pub(super) async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut read, mut write) = stream.split();
    tokio::io::copy(&mut read, &mut write).await?;
    write.shutdown().await
}
