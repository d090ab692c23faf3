//! `lab run` and `choke_vs_naive`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use super::args::{Format, RunOptions};
use super::check::{self, Check};
use super::folder::{append, make};
use super::job::Job;
use super::parts::Parts;
use super::{Exit, Failure, beside, film, overwrite, print, show, stop, sweep};
use crate::findings::analysis::Analysis;
use crate::findings::conduct::analyse;
use crate::plan::{Status, count};
use crate::run::engine::Engine as _;
use crate::run::expand::expand;
use crate::run::registration;
use crate::run::runner::Options;
use crate::run::store::{Store, StoreError, write_whole};
use crate::run::unit::{Unit, distinct};
use crate::show::figure;
use crate::show::output::manifest::{self, Host, manifest};
use crate::show::output::{Files, peers, summary};
use crate::show::report::{Context, report};

pub(super) fn run(name: &str, options: &RunOptions, command: &str) -> Result<Exit, Failure> {
    let started = Instant::now();
    let results = &options.results;
    let (plan, engine) = super::load(name, &results.plan_args)?;
    overwrite::refuse_results(name, &plan, results)?;
    if let Some(factorial) = &plan.factorial {
        return super::factorial::run(&plan, factorial, (name, options, command));
    }
    let mut sweeps = sweep::planned(name, &plan, &results.plan_args)?;
    let units = expand(&plan, &engine)?;
    let mut job = Job {
        folder: results.plan_args.folder(&plan),
        reproduce: format!("{command}{}", results.plan_args.typed()),
        plan,
        engine,
        units,
        options: results,
    };
    if options.list {
        print(&super::list::units(&job.plan, &job.units))?;
        return Ok(Exit::Done);
    }
    if results.check {
        // The gate compares no sweeps.
        sweeps.clear();
    }
    let own = (&job.plan, &job.engine, job.units.as_slice());
    let parts = Parts::of(own, sweep::parts(&sweeps));
    let how = Options {
        jobs: options.jobs,
        force: options.force,
    };
    if options.dry_run {
        return job.dry_run(&parts, how);
    }
    if results.check {
        // Report a wrong file before the runs, not after them.
        check::registered(&job)?;
    }
    stop::listen()?;
    job.register(options.force)?;
    let store = job.store()?;
    if let Some(shard) = options.shard {
        return parts.run_share(shard, "lab merge", (&store, how, results.quiet));
    }
    let done = parts.run(&store, how, results.quiet)?;
    let mut analysis = analyse(&job.plan, &job.units, &job.engine, &store)?;
    analysis.sweeps = sweep::responses(sweeps, &store)?;
    let host = Host {
        wall_s: started.elapsed().as_secs_f64(),
        jobs: options.jobs,
        done,
    };
    job.finish(&analysis, &store, &host)
}

impl Job<'_> {
    /// Shows the runs of each scenario, and those of the sweeps, which have parts of their own.
    fn dry_run(&self, parts: &Parts, how: Options) -> Result<Exit, Failure> {
        let store = Store::at(&self.folder.join("units"), &self.engine.version());
        let group = |part: usize, unit: &Unit| {
            let name = &self.plan.scenarios[unit.scenario].name;
            let seeds = count(self.plan.seeds_of(unit.scenario), "seed");
            let own = format!("{name:20} {seeds:>10}");
            Some(if part == 0 { own } else { "sweeps".to_owned() })
        };
        parts.dry_run(&format!("{}:", self.plan.name), (&store, how), group)
    }

    /// Everything after the last run: writes files, prints, checks.
    pub(super) fn finish(
        &self,
        analysis: &Analysis,
        store: &Store,
        host: &Host,
    ) -> Result<Exit, Failure> {
        let options = self.options;
        let results = Files::of(&self.plan, analysis);
        let summary = results
            .get("summary.csv")
            .expect("one of the files")
            .to_owned();
        let by_seed = || summary::registered(&self.plan, analysis);
        let check = options.check.then(|| Check::of(self, &summary, &by_seed()));
        let check = check.transpose()?;
        // Written last: it may be the file that this run was compared with.
        if let Some(path) = &options.save_baseline {
            write_whole(path, by_seed().as_bytes())?;
        }
        if let Some(path) = &options.summary {
            let gate = check.as_ref().map_or_else(String::new, Check::markdown);
            let verdicts = show::markdown(&self.plan, analysis, &self.reproduce);
            append(path, &(gate + &verdicts))?;
        }
        if let Some(check) = check {
            if options.plan_args.out.is_some() {
                self.write(analysis, store, &results, host)?;
            }
            return check.finish();
        }
        let paths = self.write(analysis, store, &results, host)?;
        let text = match options.format {
            Format::Csv => summary,
            Format::Json => show::json(&self.plan, &results.hash(), &summary),
            Format::Markdown => show::markdown(&self.plan, analysis, &self.reproduce),
            Format::Human => {
                let mut text = show::human(&self.plan, analysis, options);
                self.closing(&mut text, &results.hash(), &paths, host);
                text
            }
        };
        print(&text)?;
        Ok(Exit::Done)
    }

    fn closing(&self, text: &mut String, hash: &str, paths: &[PathBuf], host: &Host) {
        let mut line =
            |it: String| writeln!(text, "{it}").expect("writing to a string does not fail");
        line(format!("results  {hash}"));
        let report = paths.iter().find(|it| it.ends_with("report.html"));
        let place = report.unwrap_or(&self.folder).display();
        line(format!(
            "report   {place} ({} of {} now, {:.0} s)",
            host.done.ran,
            count(host.done.all(), "run"),
            host.wall_s
        ));
        // A comment for the shell, so that the line can still be copied.
        let amended = match &self.plan.status {
            it @ (Status::Amended { .. } | Status::Replaced { .. }) => {
                format!("  # plan {}, see the report", it.word())
            }
            _ if !self.plan.reworded.is_empty() => {
                "  # plan reworded after its runs, see the report".to_owned()
            }
            Status::Registered | Status::Exploratory => String::new(),
        };
        let out = self.options.plan_args.out_typed();
        line(format!("repeat   {}{out}{amended}", self.reproduce));
    }

    fn write(
        &self,
        analysis: &Analysis,
        store: &Store,
        results: &Files,
        host: &Host,
    ) -> Result<Vec<PathBuf>, Failure> {
        make(&self.folder)?;
        let mut paths = results.write(&self.folder)?;
        let mut put = |name: &str, bytes: &[u8]| -> Result<(), StoreError> {
            let path = self.folder.join(name);
            write_whole(&path, bytes)?;
            paths.push(path);
            Ok(())
        };
        let (hash, engine) = (results.hash(), self.engine.version());
        let text = manifest(&self.plan, &self.units, &engine, &hash, host, &self.folder);
        put(manifest::FILE, text.as_bytes())?;
        let runs = distinct(&self.units).len();
        registration::note(&self.plan, &self.folder, runs, &engine)?;
        if self.options.peers {
            put(
                "peers.csv",
                peers::peers(&self.plan, &self.units, store)?.as_bytes(),
            )?;
        }
        if !self.options.no_plots {
            let pictures = figure::pictures(&self.plan, analysis);
            let mut sections = vec![beside::section(self)?];
            sections.extend(film::section(self, store)?);
            let context = Context {
                hash: &hash,
                engine: &engine,
                reproduce: &self.reproduce,
                units: distinct(&self.units).len(),
                sections: &sections,
            };
            let page = report(&self.plan, analysis, &pictures, &context);
            put("report.html", page.as_bytes())?;
            let figures = self.folder.join("figures");
            for it in &pictures {
                paths.extend(self.options.forms.write(&figures, &it.name, &it.scene)?);
            }
        }
        Ok(paths)
    }
}
