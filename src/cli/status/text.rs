//! The answer for people: waypoints, then what is wrong and what to do about it.

use std::fmt::{Display, Formatter, Result};

use super::report::{Enrolled, Level, Outside, PodsOf, Replica, Served, Status, Waypoint};

/// How many workloads are named.
const NAMED: usize = 5;

impl Display for Status {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.waypoints.is_empty() {
            writeln!(f, "no Gateway of Pingway's")?;
        }
        for waypoint in &self.waypoints {
            write!(f, "{waypoint}")?;
        }
        for Outside { namespace, pods } in &self.outside_mesh {
            writeln!(f, "outside the mesh, and so past every waypoint: namespace {namespace}, pods: {pods}")?;
        }
        for finding in &self.findings {
            let mark = if finding.level == Level::Error { "!" } else { "?" };
            writeln!(f, "{mark} {} {}\n    to do: {}", finding.object, finding.what, finding.todo)?;
        }
        for unread in &self.unread {
            writeln!(f, "not read: {unread}")?;
        }
        let count = |level| self.findings.iter().filter(|finding| finding.level == level).count();
        let (errors, warnings) = (count(Level::Error), count(Level::Warning));
        match (errors, warnings) {
            (0, 0) => writeln!(f, "ok"),
            (0, warnings) => writeln!(f, "ok, with {warnings} to look at"),
            (errors, 0) => writeln!(f, "wrong: {errors}"),
            (errors, warnings) => writeln!(f, "wrong: {errors}, and {warnings} to look at"),
        }
    }
}

impl Display for Waypoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
        writeln!(f, "Gateway {}, class {}", self.gateway, self.class)?;
        writeln!(f, "  programmed  {}", or_none(self.programmed.clone()))?;
        writeln!(f, "  addresses   {}", or_none(self.addresses.join(", ")))?;
        writeln!(f, "  generation  {}", self.generation)?;
        for Replica { pod, version, generation, gone } in &self.replicas {
            let serves = if *gone { "is gone, served" } else { "serves" };
            writeln!(f, "  replica     {pod} {serves} generation {generation}, version {version}")?;
        }
        for Enrolled { object, served, canary, bound } in &self.enrolled {
            let served = match served {
                Served::Yes => "served",
                Served::No => "not served",
                Served::ByListeners => "served by listeners",
            };
            match (canary, bound.as_str()) {
                (false, "") => writeln!(f, "  enrolled    {object}: {served}, istiod says nothing")?,
                (false, bound) => writeln!(f, "  enrolled    {object}: {served}, bound {bound}")?,
                (true, "") => writeln!(f, "  canary of   {object}: {served}")?,
                (true, said) => writeln!(f, "  canary of   {object}: {served}, istiod says: {said}")?,
            }
        }
        if !self.enrolled_pods.is_empty() {
            writeln!(f, "  pods        {}", workloads(&self.enrolled_pods))?;
        }
        for service in &self.opted_out {
            writeln!(f, "  opted out   Service {service}")?;
        }
        Ok(())
    }
}

/// The first workloads with their pods, and how many there are beside them.
fn workloads(all: &[PodsOf]) -> String {
    let (named, others) = all.split_at(all.len().min(NAMED));
    let named: Vec<_> = named.iter().map(|PodsOf { workload, pods }| format!("{workload}: {pods}")).collect();
    let named = named.join(", ");
    match others {
        [] => named,
        others => format!(
            "{named}, and of {} workloads more: {}",
            others.len(),
            others.iter().map(|others| others.pods).sum::<usize>()
        ),
    }
}
