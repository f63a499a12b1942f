//! An explanation for people.

use std::fmt::{self, Display, Formatter};

use super::compare::Logged;
use super::effect::{Effect, Outgoing};
use super::find::{Explanation, ListenerFound, RuleFound};

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.request)?;
        if let Some(path) = &self.normal_path {
            writeln!(f, "path      {path}, in normal form")?;
        }
        if let Some(ListenerFound { gateway, name, hostname }) = &self.listener {
            writeln!(f, "listener  {name} of Gateway {gateway}, hostname {hostname}")?;
        }
        if let Some(RuleFound { route, rule, hostname, matches, .. }) = &self.rule {
            writeln!(f, "route     {route}, hostname {hostname}")?;
            writeln!(f, "rule      {rule}")?;
            writeln!(f, "match     {matches}")?;
        }
        if let Some(effect) = &self.effect {
            write!(f, "{effect}")?;
        }
        if let Some(why) = &self.not_found {
            writeln!(f, "not found {why}")?;
        }
        if !self.others.is_empty() {
            writeln!(f, "others, the nearest first")?;
        }
        for other in &self.others {
            writeln!(f, "  {} {}: {}", other.route, other.rule, other.matches)?;
            writeln!(f, "    lost: {}", other.lost)?;
        }
        self.logged.iter().try_for_each(|logged| write!(f, "{logged}"))
    }
}

impl Display for Logged {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "logged    {}", self.status)?;
        self.grpc_status.iter().try_for_each(|status| write!(f, ", grpc-status {status}"))?;
        self.reason.iter().try_for_each(|reason| write!(f, ", {reason}"))?;
        self.meaning.iter().try_for_each(|meaning| write!(f, ": {meaning}"))?;
        writeln!(f)?;
        self.differs.iter().try_for_each(|what| writeln!(f, "differs   {what}"))?;
        self.unknown.iter().try_for_each(|what| writeln!(f, "unknown   {what}"))
    }
}

impl Display for Effect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { answer, why, .. } => writeln!(f, "answer    {answer}: {why}"),
            Self::Redirect { status, location } => writeln!(f, "answer    {status}, Location: {location}"),
            Self::Forward { timeout, backends } => {
                if let Some(timeout) = timeout {
                    writeln!(f, "timeout   {timeout}")?;
                }
                // What goes out is told once where every backend gets the same.
                let mut told: Option<&Outgoing> = None;
                for share in backends {
                    if told != Some(&share.request) {
                        write!(f, "{}", share.request)?;
                        told = Some(&share.request);
                    }
                    let name = share.backend.as_deref().unwrap_or("no backend");
                    let outcome = share.fails.clone().unwrap_or_else(|| share.endpoints.join(", "));
                    writeln!(f, "backend   {:5.1} %  {name}  {outcome}", share.percent)?;
                }
                Ok(())
            }
        }
    }
}

impl Display for Outgoing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "sends     {} to host {}", self.target, self.host)?;
        for line in &self.headers {
            writeln!(f, "  header    {line}")?;
        }
        for line in &self.response {
            writeln!(f, "  response  {line}")?;
        }
        Ok(())
    }
}
