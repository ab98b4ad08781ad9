//! `verify`, `backup` and `restore` between S3 and S3, and between S3 and local disk.

use super::{Rows, assert_rows, assert_sound, batch};
use crate::backup::report;
use crate::cli::Said;
use crate::harness::{Site, run};

use super::service::{BACKUPS, Harm, Service, all};

fn say(service: &Service, args: &[&str]) -> Said {
    run(&mut service.command(args), b"").into()
}

/// Writes a batch through a server that is started for it.
fn add(site: &Site, number: i64, rows: &mut Rows) {
    let server = site.start();
    server.client().write("db", batch(number, 0, rows));
    server.stop();
}

#[test]
fn a_store_in_s3_is_backed_up_to_s3_and_restored() {
    let service = Service::start();
    let site = service.site();
    let data_dir = site.data_dir().display().to_string();
    let place = format!("s3://{BACKUPS}/plant");
    let back_up = || {
        let args = ["backup", "--data-dir", &data_dir, "--to", &place];
        report(say(&service, &[&args[..], &["--format", "json"]].concat()))
    };
    let mut rows = Rows::new();
    add(&site, 0, &mut rows);
    let first = back_up();
    assert_eq!(first["files_copied"], 1, "{first}");
    let first_rows = rows.clone();
    add(&site, 1, &mut rows);
    let second = back_up();
    // Objects that are there are not sent again.
    let copied = second["files_copied"].as_u64().unwrap();
    assert_eq!(copied, 1, "{second}");
    assert_eq!(service.backups("plant/data/", ".parquet").len(), 2);
    assert_eq!(back_up()["existed"], true);
    let listed = say(&service, &["backup", "list", "--in", &place]);
    assert_eq!(
        (listed.code, listed.out.lines().count()),
        (0, 3),
        "{}",
        listed.out
    );
    let checked = say(&service, &["backup", "check", "--in", &place]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);

    let number = first["backup"]["number"].to_string();
    for (prefix, flags, expected) in [
        ("restored/new", &[][..], &rows),
        ("restored/old", &["--to", &number], &first_rows),
    ] {
        let target = service
            .site()
            .env("TIDEMILL_OBJECT_STORE_S3__PREFIX", prefix);
        let target_dir = target.data_dir().display().to_string();
        let args = ["restore", "--from", &place, "--to-data-dir", &target_dir];
        let mut restore = service.command(&[&args[..], flags].concat());
        restore.env("TIDEMILL_OBJECT_STORE_S3__PREFIX", prefix);
        let said: Said = run(&mut restore, b"").into();
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        let server = target.start();
        assert_rows(server.client(), expected);
        server.stop();
        let said: Said = run(&mut restore, b"").into();
        assert_eq!(said.code, 1, "{}", said.out);
        assert!(said.err.contains("is not empty"), "{}", said.err);
    }
    assert_sound(&service, &site);
    let pruned = say(
        &service,
        &["backup", "prune", "--in", &place, "--keep", "1"],
    );
    assert_eq!(pruned.code, 0, "{}{}", pruned.out, pruned.err);
    let listed = say(&service, &["backup", "list", "--in", &place]);
    assert_eq!(listed.out.lines().count(), 2, "{}", listed.out);
}

#[test]
fn a_store_in_s3_is_backed_up_to_a_disk_and_back_though_requests_fail() {
    let service = Service::start();
    let site = service.site();
    let mut rows = Rows::new();
    for number in 0..3 {
        add(&site, number, &mut rows);
    }
    let data_dir = site.data_dir().display().to_string();
    let place = site.folder().join("backups").display().to_string();
    service.harm(20, all, Harm::Refuse(503));
    service.harm(10, all, Harm::Refuse(500));
    let said = say(
        &service,
        &["backup", "--data-dir", &data_dir, "--to", &place],
    );
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let prefix = "restored";
    let target = service
        .site()
        .env("TIDEMILL_OBJECT_STORE_S3__PREFIX", prefix);
    let target_dir = target.data_dir().display().to_string();
    let mut restore = service.command(&["restore", "--from", &place, "--to-data-dir", &target_dir]);
    restore.env("TIDEMILL_OBJECT_STORE_S3__PREFIX", prefix);
    let said: Said = run(&mut restore, b"").into();
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(service.heal() > 5);
    assert_rows(target.start().client(), &rows);
}

#[test]
fn an_object_that_somebody_changed_is_found() {
    let mut service = Service::start();
    let site = service.site();
    add(&site, 0, &mut Rows::new());
    let data_dir = site.data_dir().display().to_string();
    let verify = |service: &Service| say(service, &["verify", "--data-dir", &data_dir]);
    let object = service.objects("data/", ".parquet").remove(0);
    let good = std::fs::read(&object).unwrap();
    let mut bad = good.clone();
    bad[40] ^= 1;
    std::fs::write(&object, bad).unwrap();
    let said = verify(&service);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let name = object.file_name().unwrap().to_str().unwrap();
    let is_named = |line: &str| line.starts_with("damaged: ") && line.contains(name);
    assert!(said.out.lines().any(is_named), "{}", said.out);
    std::fs::write(&object, good).unwrap();
    assert_sound(&service, &site);
    // A service that is away is neither sound nor damaged.
    service.stop();
    let said = verify(&service);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
}
