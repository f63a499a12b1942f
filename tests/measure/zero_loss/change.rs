//! The changes, each of which waits until it is served.

use std::sync::Arc;

use tokio::net::TcpStream;

use super::http1::Connection;
use super::world::World;
use crate::support::until;

/// Changes one thing after the other.
pub(crate) struct Changer {
    world: Arc<World>,
    /// What is changed is asked for on a connection of its own, which stays open.
    connection: Connection<TcpStream>,
    /// A connection to the listener that comes and goes, while it is there.
    further: Option<Connection<TcpStream>>,
}

impl Changer {
    /// Nothing is changed yet.
    pub(crate) async fn new(world: &Arc<World>) -> Self {
        let stream = TcpStream::connect(world.plain).await.expect("it accepts");
        Self { world: world.clone(), connection: Connection::new(stream), further: None }
    }

    /// The change with this number: routes, endpoints, certificates and listeners in turn.
    pub(crate) async fn change(&mut self, number: usize) {
        match number % 4 {
            0 => self.routes().await,
            1 => self.endpoints().await,
            2 => self.certificate().await,
            _ => match self.further.take() {
                None => self.open_listener().await,
                Some(connection) => self.close_listener(connection).await,
            },
        }
    }

    async fn routes(&mut self) {
        let version = self.world.write_routes();
        self.served("edited.test", |answer| answer.version == Some(version)).await;
        self.world.routes.settle();
    }

    async fn endpoints(&mut self) {
        let version = self.world.write_endpoints();
        let backend = format!("moving{} /", version % 2);
        self.served("moving.test", |answer| answer.body == backend).await;
        self.world.endpoints.settle();
    }

    async fn certificate(&mut self) {
        let version = self.world.write_certificate();
        let world = &self.world;
        until("the new certificate", async || {
            let stream = world.open_tls(&[]).await.expect("a handshake");
            let shown = stream.get_ref().1.peer_certificates()?.first()?.clone();
            world.is_certificate(version, &shown).then_some(())
        })
        .await;
        world.certificate.settle();
    }

    async fn open_listener(&mut self) {
        self.world.write_listeners(true);
        let address = self.world.proxy.address(8080).await;
        let mut connection = Connection::new(TcpStream::connect(address).await.expect("it accepts"));
        connection.get("steady.test", "/").await.expect("an answer on the new listener");
        self.further = Some(connection);
    }

    /// A client of the listener that goes is told, and loses no request.
    async fn close_listener(&mut self, connection: Connection<TcpStream>) {
        let address = self.world.proxy.address(8080).await;
        self.world.write_listeners(false);
        let connection = tokio::sync::Mutex::new(connection);
        until("Connection: close", async || {
            let answer = connection.lock().await.get("steady.test", "/").await.expect("an answer on the old listener");
            assert_eq!((answer.status, &*answer.body), (200, "steady /"));
            answer.closes.then_some(())
        })
        .await;
        until("a closed port", async || TcpStream::connect(address).await.is_err().then_some(())).await;
    }

    /// Asks until an answer is the new one.
    async fn served(&mut self, host: &str, is_new: impl Fn(&super::client::Answer) -> bool) {
        let connection = tokio::sync::Mutex::new(&mut self.connection);
        until(&format!("the change of {host}"), async || {
            let answer = connection.lock().await.get(host, "/").await.expect("an answer");
            is_new(&answer).then_some(())
        })
        .await;
    }
}
