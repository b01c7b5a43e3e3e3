//! The dial policy as a function: numbers, countries, hours, prices, caps.

use jiff::Timestamp;
use jiff::civil::{Weekday, time};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use talia_voice::dialing::{Caps, Denial, Destination, Hours, MICROS, Policy, Prices, Usage, ZoneError, Zones};

/// Numbers that must never be dialled.
pub(crate) fn forbidden() -> Vec<&'static str> {
    let lines = include_str!("fixtures/forbidden_numbers.txt").lines();
    let numbers = lines.filter(|line| !line.starts_with('#'));
    numbers
        .map(|line| line.split('\t').next().unwrap_or_default())
        .collect()
}

const EVERY_DAY: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

fn noon() -> Timestamp {
    "2026-11-24T18:00:00Z".parse().expect("a time")
}

/// Every country in which anything is known, each at UTC, at any hour.
fn all_countries() -> (BTreeSet<String>, BTreeMap<String, Vec<String>>) {
    let letters = 'A'..='Z';
    let pairs = letters.flat_map(|first| ('A'..='Z').map(move |second| format!("{first}{second}")));
    let countries: BTreeSet<String> = pairs.collect();
    let zones = countries
        .iter()
        .map(|country| (country.clone(), vec!["UTC".to_owned()]))
        .collect();
    (countries, zones)
}

fn policy(countries: &[&str], hours: (i8, i8)) -> Policy {
    let countries: BTreeSet<String> = countries.iter().map(|country| (*country).to_owned()).collect();
    let zones = Zones::new(&countries, &BTreeMap::new()).expect("zones");
    policy_of(countries, zones, hours)
}

fn policy_of(countries: BTreeSet<String>, zones: Zones, (from, until): (i8, i8)) -> Policy {
    Policy {
        zones,
        countries,
        refused_prefixes: Vec::new(),
        hours: Hours::new(time(from, 0, 0, 0), time(until, 59, 59, 999_999_999), &EVERY_DAY).expect("hours"),
        prices: Prices::new(
            vec![("+52".to_owned(), MICROS / 10), ("+5255".to_owned(), MICROS / 50)],
            MICROS,
        ),
        caps: Caps {
            per_hour: 10,
            per_day: 20,
            per_prefix_per_day: 5,
            micros_per_day: 100 * MICROS,
        },
        prefix_digits: 4,
        longest_call: Duration::from_secs(601),
    }
}

fn lenient() -> Policy {
    let (countries, own) = all_countries();
    let zones = Zones::new(&countries, &own).expect("UTC");
    policy_of(countries, zones, (0, 23))
}

#[test]
fn what_is_forbidden_is_forbidden_in_every_allowed_country() {
    let policy = lenient();
    let forbidden = forbidden();
    assert!(forbidden.len() > 320, "{}", forbidden.len());
    for number in forbidden {
        assert!(policy.judge(number, noon()).is_err(), "{number} would be dialled");
    }
}

#[test]
fn each_refusal_has_its_reason() {
    let policy = lenient();
    for (number, denial) in [
        ("anonymous", Denial::NotANumber),
        ("", Denial::NotANumber),
        ("+", Denial::NotANumber),
        ("client:ana", Denial::NotANumber),
        ("+52５５12345678", Denial::NotANumber),
        ("911", Denial::Short),
        ("+52911", Denial::Short),
        ("5512345678", Denial::NotE164),
        ("+05512345678", Denial::NotE164),
        ("+525512345678901", Denial::Invalid),
        ("+5255123456789012", Denial::NotE164),
        ("+520012345678", Denial::Invalid),
        ("+881612345678", Denial::Network),
        ("+882161234567", Denial::Network),
        ("+878101234567890", Denial::Personal),
        ("+979123456789", Denial::Premium),
        ("+34905123456", Denial::HighCost),
        ("+529001234567", Denial::Premium),
        ("+12129761234", Denial::Premium),
        ("+447640123456", Denial::Pager),
    ] {
        assert_eq!(policy.judge(number, noon()).expect_err(number), denial, "{number}");
    }
    let mut policy = policy;
    policy.refused_prefixes = vec!["+52998".to_owned()];
    assert_eq!(policy.judge("+529981234567", noon()), Err(Denial::HighCost));
}

#[test]
fn ordinary_numbers_are_called_where_their_country_is_allowed() {
    let policy = policy(&["MX", "ES", "US"], (0, 23));
    for (number, country) in [
        ("+525512345678", "MX"),
        ("+523312345678", "MX"),
        ("+34612345678", "ES"),
        ("+34912345678", "ES"),
        ("+12125551234", "US"),
    ] {
        let permit = policy.judge(number, noon()).expect(number);
        assert_eq!(permit.destination().country(), country);
        assert_eq!(permit.destination().e164(), number);
        // Nothing that is logged by chance holds it.
        assert!(!format!("{permit:?}").contains(&number[5..]) || permit.prefix() == number);
    }
    // A neighbour with the same country code is another country.
    for number in [
        "+18762101234",
        "+14165551234",
        "+14734031234",
        "+447911123456",
        "+33612345678",
    ] {
        assert_eq!(policy.judge(number, noon()), Err(Denial::Country), "{number}");
    }
    let nobody = self::policy(&[], (0, 23));
    assert_eq!(nobody.judge("+525512345678", noon()), Err(Denial::Country));
}

#[test]
fn a_number_is_called_when_it_is_a_good_time_wherever_it_may_be() {
    let policy = policy(&["MX", "US", "ES"], (9, 19));
    let at = |time: &str| time.parse::<Timestamp>().expect("a time");
    let mexico_city = "+525512345678";
    // 15:00 UTC is 9:00 in Mexico City, and 8:00 in Chihuahua's west and 7:00 in Tijuana.
    assert!(policy.judge(mexico_city, at("2026-11-24T15:00:00Z")).is_ok());
    assert_eq!(
        policy.judge(mexico_city, at("2026-11-24T14:59:59Z")),
        Err(Denial::Hours)
    );
    // No zone is known for this area code alone: it must be a good time everywhere in Mexico.
    let somewhere = "+529611234567";
    assert_eq!(policy.judge(somewhere, at("2026-11-24T16:30:00Z")), Err(Denial::Hours));
    assert!(policy.judge(somewhere, at("2026-11-24T17:30:00Z")).is_ok());
    // Tijuana by its area code: 17:00 UTC is 9:00 there.
    assert_eq!(
        policy.judge("+526641234567", at("2026-11-24T16:59:00Z")),
        Err(Denial::Hours)
    );
    assert!(policy.judge("+526641234567", at("2026-11-24T17:00:00Z")).is_ok());
    // From Honolulu to New York: 19:00 UTC is 9:00 and 14:00.
    assert_eq!(
        policy.judge("+12125551234", at("2026-11-24T18:59:00Z")),
        Err(Denial::Hours)
    );
    assert!(policy.judge("+12125551234", at("2026-11-24T19:00:00Z")).is_ok());
    // The Canaries are an hour behind Madrid.
    assert_eq!(
        policy.judge("+34612345678", at("2026-11-24T08:30:00Z")),
        Err(Denial::Hours)
    );
    assert!(policy.judge("+34612345678", at("2026-11-24T09:00:00Z")).is_ok());
}

#[test]
fn days_are_the_callees_days() {
    let weekdays = &EVERY_DAY[..5];
    let hours = Hours::new(time(0, 0, 0, 0), time(23, 59, 59, 0), weekdays).expect("hours");
    let mut policy = policy(&["MX"], (0, 23));
    policy.hours = hours;
    // Saturday 02:00 UTC is still Friday evening in Mexico City.
    let friday = "2026-11-28T02:00:00Z".parse().expect("a time");
    assert!(policy.judge("+525512345678", friday).is_ok());
    let saturday = "2026-11-28T18:00:00Z".parse().expect("a time");
    assert_eq!(policy.judge("+525512345678", saturday), Err(Denial::Hours));
    assert!(Hours::new(time(9, 0, 0, 0), time(9, 0, 0, 0), weekdays).is_none());
    assert!(Hours::new(time(9, 0, 0, 0), time(10, 0, 0, 0), &[]).is_none());
}

#[test]
fn a_country_without_known_time_is_an_error_of_the_configuration() {
    let countries = BTreeSet::from(["FI".to_owned()]);
    let zones = |own: &[(&str, &str)]| {
        let own = own
            .iter()
            .map(|(key, zone)| ((*key).to_owned(), vec![(*zone).to_owned()]))
            .collect();
        Zones::new(&countries, &own).map(drop)
    };
    assert_eq!(zones(&[]), Err(ZoneError::Unknown("FI".to_owned())));
    assert_eq!(
        zones(&[("FI", "Europe/Helsinki"), ("+35818", "Europe/Mariehamn")]),
        Ok(())
    );
    assert_eq!(
        zones(&[("FI", "Europe/Nowhere")]),
        Err(ZoneError::Name("Europe/Nowhere".to_owned()))
    );
    assert_eq!(
        zones(&[("FI", "Europe/Helsinki"), ("Finland", "Europe/Helsinki")]),
        Err(ZoneError::Key("Finland".to_owned()))
    );
}

#[test]
fn a_call_reserves_the_most_that_it_may_cost() {
    let policy = policy(&["MX", "ES"], (0, 23));
    // 601 seconds are eleven begun minutes; the longest prefix has the price.
    let reserve = |number| policy.judge(number, noon()).expect("a permit").reserve();
    assert_eq!(reserve("+525512345678"), 11 * MICROS / 50);
    assert_eq!(reserve("+523312345678"), 11 * MICROS / 10);
    assert_eq!(reserve("+34612345678"), 11 * MICROS);
    assert_eq!(
        policy.judge("+525512345678", noon()).expect("a permit").prefix(),
        "+5255"
    );
}

#[test]
fn every_reason_has_its_own_word() {
    let words: BTreeSet<_> = Denial::ALL.iter().map(|denial| denial.as_str()).collect();
    assert_eq!(words.len(), Denial::ALL.len());
}

#[test]
fn an_ordinary_number_of_every_country_that_we_know_is_called() {
    let known = [
        "MX", "US", "CA", "ES", "PT", "AR", "BO", "BR", "CL", "CO", "CR", "CU", "DO", "EC", "GT", "HN", "NI", "PA",
        "PE", "PR", "PY", "SV", "UY", "VE", "AT", "BE", "CH", "DE", "FR", "GB", "IE", "IT", "NL",
    ];
    let policy = policy(&known, (0, 23));
    for line in include_str!("fixtures/ordinary_numbers.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let (number, country) = line.split_once('\t').expect("a number and its country");
        let permit = policy.judge(number, noon());
        assert_eq!(
            permit.as_ref().map(|permit| permit.destination().country()),
            Ok(country),
            "{number}"
        );
    }
}

proptest! {
    #[test]
    fn a_denied_country_is_never_dialled(text in "\\+?[0-9]{1,17}|\\+(52|1|34|44|7|39)[0-9]{7,11}") {
        let policy = policy(&["MX"], (0, 23));
        if let Ok(permit) = policy.judge(&text, noon()) {
            prop_assert_eq!(permit.destination().country(), "MX");
            prop_assert!(text.starts_with("+52"));
            prop_assert_eq!(permit.destination().e164(), &text);
            prop_assert!(Destination::parse(&text).is_ok());
        }
    }

    #[test]
    fn no_text_breaks_it(text in ".{0,40}") {
        let _ = lenient().judge(&text, noon());
    }

    #[test]
    fn what_a_cap_admits_stays_below_it(
        usage in (0..30_i64, 0..30_i64, 0..30_i64, 0..200_i64),
        cost in 0..50_i64,
    ) {
        let caps = Caps { per_hour: 10, per_day: 20, per_prefix_per_day: 5, micros_per_day: 100 };
        let usage = Usage { last_hour: usage.0, last_day: usage.1, same_prefix: usage.2, micros: usage.3 };
        let inside = usage.last_hour < 10 && usage.last_day < 20 && usage.same_prefix < 5 && usage.micros + cost <= 100;
        prop_assert_eq!(caps.admit(&usage, cost).is_ok(), inside);
    }
}
