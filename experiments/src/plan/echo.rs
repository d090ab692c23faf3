//! Writes a plan as TOML: what was run, with every change and default.

use unchoke_sim::parameter;

use super::file::{
    CandidateFile, ContrastFile, FactorFile, FactorialFile, MarginsFile, ParameterFile, PlanFile,
    ScenarioFile, SeedsFile, StatisticsFile, SweepFile,
};
use super::sweep::written;
use super::{
    Adoption, Contender, Contrast, Estimand, Factorial, Plan, ScenarioUse, Sweep, policies,
};

impl Plan {
    /// The plan as TOML text. Reading the text gives the same plan.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let file = PlanFile {
            name: self.name.clone(),
            question: self.question.clone(),
            expectation: self.expectation.clone(),
            amendments: self.amendments.clone(),
            primary: self.primary,
            // The claim says whether time is read.
            estimands: (self.estimands.iter().copied())
                .filter(|it| *it != Estimand::T)
                .collect(),
            adoption: self
                .adoption
                .iter()
                .map(|it| Adoption::label(*it))
                .collect(),
            figures: self.figures.clone(),
            ladder: self.ladder.clone(),
            seeds: SeedsFile {
                master: self.master_seed,
                count: self.seed_count,
            },
            margins: MarginsFile {
                time: self.margins.time.to_string(),
                tail: self.margins.tail.to_string(),
                upload: self.margins.upload.map(|it| it.to_string()),
                claim: self.margins.claim.to_string(),
            },
            gate: self.tolerances.written(),
            statistics: StatisticsFile {
                interval: self.method,
                bootstrap: self.resamples,
            },
            candidate: contender(&self.candidate),
            origin: self.origin.as_ref().map(contender),
            baseline: self.baselines.iter().map(contender).collect(),
            contrast: self.contrasts_written(),
            scenario: self.scenarios.iter().map(scenario).collect(),
            factorial: self.factorial.as_ref().map(factorial),
            sweep: self.sweeps.iter().map(sweep).collect(),
        };
        toml::to_string_pretty(&file).expect("a plan has no value that TOML lacks")
    }

    fn contrasts_written(&self) -> Vec<ContrastFile> {
        let written = |it: &Contrast| ContrastFile {
            name: it.name.clone(),
            what: it.what.clone(),
            candidate: Some(self.arm(it.candidate).name.clone()),
            baseline: self.arm(it.baseline).name.clone(),
            adoption: Some(it.adoption.iter().map(|it| it.label()).collect()),
        };
        let listed = self.contrasts.iter().filter(|_| self.contrasts_listed);
        listed.map(written).collect()
    }
}

fn sweep(it: &Sweep) -> SweepFile {
    SweepFile {
        name: Some(it.name.clone()),
        key: it.key.clone(),
        values: it.values.iter().map(|it| written(it)).collect(),
        seeds: it.seeds,
        contrasts: it.contrasts.clone(),
        scenarios: it.scenarios.clone(),
    }
}

fn contender(it: &Contender) -> CandidateFile {
    let entry = policies::find(&it.policy).ok();
    let written = |(name, value): (&String, &u64)| {
        let known = entry.and_then(|it| it.parameters.iter().find(|it| it.name == *name));
        match known.map(|it| (it.key(), parameter::text(it, *value))) {
            Some((key, Some(text))) => (key.to_owned(), ParameterFile::Text(text)),
            _ => (name.clone(), ParameterFile::Number(*value)),
        }
    };
    CandidateFile {
        name: Some(it.name.clone()),
        profile: it.profile.map(|it| it.id.to_owned()),
        policy: Some(it.policy.clone()),
        max_connections: it.max_connections,
        picker: it.picker.clone(),
        parameters: it.parameters.iter().map(written).collect(),
    }
}

impl Contender {
    /// The contender as changes of a scenario, `key=value`, all but the policy itself.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let file = contender(self);
        let text = |it: &ParameterFile| match it {
            ParameterFile::Text(it) => it.clone(),
            ParameterFile::Number(it) => it.to_string(),
        };
        let profile = file.profile.map(|it| format!("client.profile={it}"));
        let connections = file.max_connections;
        let connections = connections.map(|it| format!("client.max_connections={it}"));
        let picker = file.picker.map(|it| format!("client.picker={it}"));
        let parameters = file.parameters.iter();
        let parameters =
            parameters.map(|(key, it)| format!("client.parameters.{key}={}", text(it)));
        let first = [profile, connections, picker].into_iter().flatten();
        first.chain(parameters).collect()
    }
}

fn scenario(it: &ScenarioUse) -> ScenarioFile {
    ScenarioFile {
        name: Some(it.name.clone()),
        source: it.source.clone(),
        steady: it.steady,
        out_of_scope: it.out_of_scope.clone(),
        seeds: it.seed_count,
        set: it.set.iter().map(|it| change(it)).collect(),
    }
}

/// A `key=value` change as an entry of a table.
fn change(text: &str) -> (String, toml::Value) {
    let (key, value) = text
        .split_once('=')
        .expect("changes are written as key=value");
    let parsed = toml::from_str::<toml::Table>(&format!("value = {value}"));
    let parsed = parsed.ok().and_then(|mut it| it.remove("value"));
    let value = parsed.unwrap_or_else(|| toml::Value::String(value.to_owned()));
    (key.to_owned(), value)
}

fn factorial(it: &Factorial) -> FactorialFile {
    let level = |changes: &[String]| changes.iter().map(|it| change(it)).collect();
    let factor = |it: &super::Factor| FactorFile {
        name: it.name.clone(),
        low: level(&it.low),
        high: level(&it.high),
    };
    FactorialFile {
        generators: it.generators.clone(),
        factor: it.factors.iter().map(factor).collect(),
    }
}
