//! The flags of the pages: metrics and health, and the admin page.

use std::net::SocketAddr;

use clap::Args;

use crate::admin::Ports;
use crate::settings::Settings;

/// Where the pages are opened.
#[derive(Clone, Debug, Args)]
pub(super) struct PageFlags {
    /// Address of metrics and health: /metrics, /healthz, /readyz
    #[arg(long, value_name = "ADDR:PORT", default_value_t = Settings::default().metrics)]
    pub(super) metrics: SocketAddr,

    /// Address of the admin page, on loopback, or `off`
    #[arg(long, value_name = "ADDR:PORT|off", default_value = "127.0.0.1:15000", value_parser = admin)]
    admin: Admin,
}

#[derive(Clone, Copy, Debug)]
struct Admin(Option<SocketAddr>);

impl PageFlags {
    /// Where the admin page is opened. `None`: it is off.
    pub(super) fn admin(&self) -> Option<SocketAddr> {
        self.admin.0
    }

    /// Both.
    pub(super) fn ports(&self) -> Ports {
        Ports { metrics: self.metrics, admin: self.admin.0 }
    }
}

fn admin(text: &str) -> Result<Admin, String> {
    if text == "off" {
        return Ok(Admin(None));
    }
    let address: SocketAddr = text.parse().map_err(|_| format!("{text:?} is neither ADDRESS:PORT nor off"))?;
    if address.ip().is_loopback() {
        Ok(Admin(Some(address)))
    } else {
        Err(format!("{address} is not on loopback: whoever reaches the admin page can read the configuration"))
    }
}
