//! Writes a scenario as TOML with every value stated, so that equal scenarios give equal texts.

use std::fmt::Write as _;
use std::time::Duration;

use unchoke_core::allowed_fast::AllowedFast;
use unchoke_core::choke::Parameters;
use unchoke_core::profile::Timers;
use unchoke_core::torrent::Endgame;

use super::{Access, Arrivals, Capacity, Down, Measured, Part, Scenario, StayModel};
use crate::distribution::{Cdf, Law};
use crate::parameter;
use crate::policies;
use crate::spec::{ClientSpec, Engine, Solver};
use crate::transport::TransportSpec;
use crate::units::{show_rate, show_size, show_time};

/// The TOML text, line by line.
struct Page(String);

impl Page {
    fn heading(&mut self, heading: &str) {
        writeln!(self.0, "\n{heading}").expect("text grows");
    }

    /// Writes a value as it is, without quotes.
    fn plain(&mut self, key: &str, value: impl std::fmt::Display) {
        writeln!(self.0, "{key} = {value}").expect("text grows");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.plain(key, quote(value));
    }

    fn time(&mut self, key: &str, value: Duration) {
        self.text(key, &show_time(value));
    }

    fn times(&mut self, key: &str, values: &[Duration]) {
        let values: Vec<String> = values.iter().map(|it| quote(&show_time(*it))).collect();
        self.plain(key, format!("[{}]", values.join(", ")));
    }

    fn cdf(&mut self, cdf: &Cdf) {
        let points = cdf.points().iter();
        let points: Vec<String> = points.map(|(p, value)| format!("[{p}, {value}]")).collect();
        self.plain("points", format!("[{}]", points.join(", ")));
    }

    fn law(&mut self, law: &Law) {
        match law {
            Law::Exponential { mean } => {
                self.text("model", "exponential");
                self.time("mean", *mean);
            }
            Law::Weibull { scale, shape } => {
                self.text("model", "weibull");
                self.time("scale", *scale);
                self.plain("shape", shape);
            }
            Law::Measured { cdf, unit } => {
                self.text("model", "measured");
                self.cdf(cdf);
                self.time("unit", *unit);
            }
        }
    }

    fn rate(&mut self, key: &str, value: u64) {
        self.text(key, &show_rate(value));
    }

    fn access(&mut self, access: &Access) {
        self.rate("up", access.up);
        self.rate("down", access.down);
        self.time("delay", access.delay);
    }

    /// Settings of a client, except its name and its policy parameters.
    fn limits(&mut self, client: &ClientSpec, shared: &ClientSpec) {
        self.text("policy", &client.policy);
        self.text("picker", &client.picker);
        self.plain("max_connections", client.max_connections);
        for (key, bound) in [("initiate", client.initiate), ("enough", client.enough)] {
            if let Some(bound) = bound {
                self.plain(key, bound);
            }
        }
        if let Some(cap) = client.upload_cap {
            self.rate("upload_cap", cap);
        }
        if let Some(cap) = client.download_cap {
            self.rate("download_cap", cap);
        }
        self.time("queue_time", client.pipeline.queue_time);
        self.plain("min_requests", client.pipeline.min);
        self.plain("max_requests", client.pipeline.max);
        if client.pipeline.start != 0 || shared.pipeline.start != 0 {
            self.plain("start_requests", client.pipeline.start);
        }
        self.time("snub_after", client.snub_after);
        match client.endgame {
            Endgame::Strict => self.text("endgame", "strict"),
            other => self.plain("endgame", other == Endgame::Capped),
        }
        self.plain("aligned_ticks", client.aligned_ticks);
        self.plain("peer_exchange", client.peer_exchange);
        self.plain("super_seed", client.super_seed);
        self.time("rerequest_interval", client.rerequest_interval);
        let (it, usual) = (client.timers, Timers::default());
        if it != usual || shared.timers != usual {
            self.time("dial_timeout", it.dial);
            self.time("handshake_timeout", it.handshake);
            self.time("idle_timeout", it.idle);
            self.time("keep_alive", it.keep_alive);
        }
        let (it, none) = (client.allowed_fast, AllowedFast::default());
        if it != none || shared.allowed_fast != none {
            self.plain("allowed_fast", it.grants);
            self.plain("takes_allowed_fast", it.takes);
            let by = if it.whole_address {
                "address"
            } else {
                "network"
            };
            self.text("allowed_fast_by", by);
        }
    }

    fn client(&mut self, heading: &str, client: &ClientSpec, shared: &ClientSpec) {
        self.text("name", &client.name);
        self.limits(client, shared);
        self.parameters(heading, client);
    }

    fn parameters(&mut self, heading: &str, client: &ClientSpec) {
        self.heading(&format!("[{heading}.parameters]"));
        for (name, value) in client.parameters.iter() {
            let entry = policies::all().find(&client.policy).ok();
            let known = entry.and_then(|it| it.parameters.iter().find(|it| it.name == name));
            match known.map(|it| (it.key(), parameter::text(it, value))) {
                Some((key, Some(text))) => self.text(key, &text),
                _ => self.plain(name, value),
            }
        }
    }
}

/// A TOML basic string.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(c)).expect("text grows");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

pub(super) fn toml(scenario: &Scenario) -> String {
    let mut page = Page(String::new());
    page.text("name", &scenario.name);
    page.plain("version", scenario.version);
    page.text("about", &scenario.about);
    page.time("horizon", scenario.horizon);
    page.time("sample_every", scenario.sample_every);
    page.heading("[torrent]");
    page.text("size", &show_size(scenario.geometry.total_bytes()));
    let piece = u64::from(scenario.geometry.piece_bytes());
    page.text("piece", &show_size(piece));
    network(&mut page, scenario);
    page.heading("[tracker]");
    page.plain("numwant", scenario.tracker.numwant);
    page.time("interval", scenario.tracker.interval);
    for outage in &scenario.tracker.outages {
        page.heading("[[tracker.outages]]");
        page.time("from", outage.from);
        page.time("until", outage.until);
    }
    page.heading("[client]");
    page.limits(&scenario.client, &scenario.client);
    if scenario.client.parameters != Parameters::new() {
        page.parameters("client", &scenario.client);
    }
    for origins in &scenario.origins {
        page.heading("[[origin]]");
        page.plain("count", origins.count);
        page.access(&origins.access);
        if let Some(region) = scenario.regions.get(usize::from(origins.region)) {
            page.text("region", &region.name);
        }
        page.client("origin", &origins.client, &scenario.client);
    }
    peers(&mut page, scenario);
    for population in &scenario.populations {
        page.heading("[[population]]");
        match population.part {
            Part::Share(share) => page.text("share", &share.to_string()),
            Part::Count(count) => page.plain("count", count),
            Part::Rest => {}
        }
        if let Some(class) = &population.class {
            page.text("class", class);
        }
        page.client("population", &population.client, &scenario.client);
    }
    page.heading("[faults]");
    page.text("corrupting", &scenario.faults.corrupting.to_string());
    page.text("overstating", &scenario.faults.overstating.to_string());
    page.text("understating", &scenario.faults.understating.to_string());
    if let Some(mean) = scenario.faults.break_mean {
        page.time("break_mean", mean);
    }
    page.0
}

fn transport(page: &mut Page, it: &TransportSpec) {
    page.heading("[network.transport]");
    page.text("segment", &show_size(u64::from(it.segment_bytes)));
    page.text("loss", &it.loss.to_string());
    page.time("connect_time", it.connect_time);
    if it.has_headers() {
        page.text("headers", &show_size(u64::from(it.header_bytes)));
    }
    if it.packets_per_ack > 0 {
        page.plain("packets_per_ack", it.packets_per_ack);
    }
    if let Some(segments) = it.initial_window {
        page.plain("initial_window", segments);
    }
    if it.rtt_bias {
        page.plain("rtt_bias", true);
    }
    if let Some(lasts) = it.uneven {
        page.time("uneven", lasts);
    }
    if let Some(bytes) = it.window_bytes {
        page.text("window", &show_size(bytes));
    }
}

fn network(page: &mut Page, scenario: &Scenario) {
    page.heading("[network]");
    if scenario.network.engine == Engine::Windows {
        page.text("engine", "windows");
    }
    page.text("solver", solver(scenario.network.solver));
    let delay = Duration::from_nanos(scenario.network.base_delay_ns);
    page.time("base_delay", delay);
    page.plain("send_buffer", scenario.network.send_buffer_blocks);
    if scenario.network.shared_subnets {
        page.plain("shared_subnets", true);
    }
    transport(page, &scenario.network.transport);
    for region in &scenario.regions {
        page.heading("[[network.region]]");
        page.text("name", &region.name);
        page.text("share", &region.share.to_string());
        page.times("delays", &region.delays);
    }
}

fn solver(solver: Solver) -> &'static str {
    match solver {
        Solver::Exact => "exact",
        Solver::Fast => "fast",
    }
}

fn peers(page: &mut Page, scenario: &Scenario) {
    let peers = &scenario.peers;
    page.heading("[peers]");
    page.plain("count", peers.count);
    page.text("reachable", &peers.reachable.to_string());
    page.plain("rejoins", peers.rejoins);
    page.heading("[peers.arrivals]");
    match &peers.arrivals {
        Arrivals::Flash { window } => {
            page.text("model", "flash");
            page.time("window", *window);
        }
        Arrivals::Poisson { mean_gap } => {
            page.text("model", "poisson");
            page.time("mean_gap", *mean_gap);
        }
        Arrivals::Decay { tau } => {
            page.text("model", "decay");
            page.time("tau", *tau);
        }
        Arrivals::Trace { times } => {
            page.text("model", "trace");
            page.times("times", times);
        }
        Arrivals::Gaps(law) => page.law(law),
    }
    page.heading("[peers.stay]");
    match &peers.stay {
        StayModel::AtOnce => page.text("model", "at_once"),
        StayModel::Forever => page.text("model", "forever"),
        StayModel::For(law) => page.law(law),
    }
    for (key, law) in [("patience", &peers.patience), ("session", &peers.session)] {
        if let Some(law) = law {
            page.heading(&format!("[peers.{key}]"));
            page.law(law);
        }
    }
    match &peers.capacity {
        Capacity::Classes(classes) => {
            for class in classes {
                page.heading("[[peers.class]]");
                page.text("name", &class.name);
                page.text("share", &class.share.to_string());
                page.access(&class.access);
            }
        }
        Capacity::Measured(it) => measured(page, it),
    }
}

fn measured(page: &mut Page, measured: &Measured) {
    page.heading("[peers.capacity]");
    page.cdf(&measured.cdf);
    page.rate("unit", measured.unit);
    page.plain("scale", measured.scale);
    match measured.down {
        Down::Fixed(down) => page.rate("down", down),
        Down::Factor(factor) => page.plain("down_factor", factor),
    }
    page.time("delay", measured.delay);
}
