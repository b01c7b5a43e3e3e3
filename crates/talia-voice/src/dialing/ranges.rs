//! Ranges that are never dialled, whatever country is allowed.
//!
//! libphonenumber's kinds are no filter for fraud: it calls +881 (satellites) mobile and +882 voice over IP, and some
//! dear ranges no number at all. Sources: ITU-T E.164 assigned codes; the national numbering plans named beside each.

use super::Denial;

/// Digits without `+`, and why they are refused.
const FORBIDDEN: &[(&str, Denial)] = &[
    // Codes without a country (ITU-T E.164 list of assigned codes).
    ("800", Denial::Network),
    ("808", Denial::SharedCost),
    ("870", Denial::Network),
    ("875", Denial::Network),
    ("876", Denial::Network),
    ("877", Denial::Network),
    ("878", Denial::Personal),
    ("879", Denial::Network),
    ("881", Denial::Network),
    ("882", Denial::Network),
    ("883", Denial::Network),
    ("888", Denial::Network),
    ("979", Denial::Premium),
    ("991", Denial::Network),
    // Islands and networks whose termination is dear and known from fraud: Ascension, Saint Helena, Diego Garcia,
    // Antarctica and Norfolk, Nauru, Cook, Niue, Tuvalu, Tokelau, Falklands.
    ("247", Denial::HighCost),
    ("290", Denial::HighCost),
    ("246", Denial::HighCost),
    ("672", Denial::HighCost),
    ("674", Denial::HighCost),
    ("682", Denial::HighCost),
    ("683", Denial::HighCost),
    ("688", Denial::HighCost),
    ("690", Denial::HighCost),
    ("500", Denial::HighCost),
    // Mexico (Plan Técnico Fundamental de Numeración): 900 premium, 300 shared cost, 500 personal.
    ("52900", Denial::Premium),
    ("52300", Denial::SharedCost),
    ("52500", Denial::Personal),
    ("52700", Denial::Personal),
    // Spain (CNMC): 803/806/807 premium, 905/907 voting and data, 901/902 shared cost, 70 personal, 51 company.
    ("34803", Denial::Premium),
    ("34806", Denial::Premium),
    ("34807", Denial::Premium),
    ("34905", Denial::HighCost),
    ("34907", Denial::HighCost),
    ("34901", Denial::SharedCost),
    ("34902", Denial::SharedCost),
    ("3470", Denial::Personal),
    ("3451", Denial::Uan),
    // North America: 900 premium; 5XX and 700 are numbers without a place; 710 is the government's.
    ("1900", Denial::Premium),
    ("1500", Denial::Personal),
    ("1521", Denial::Personal),
    ("1522", Denial::Personal),
    ("1533", Denial::Personal),
    ("1544", Denial::Personal),
    ("1566", Denial::Personal),
    ("1577", Denial::Personal),
    ("1588", Denial::Personal),
    ("1700", Denial::HighCost),
    ("1710", Denial::HighCost),
    // United Kingdom (Ofcom): 070 personal, 076 pagers, 084/087 and 09 service and premium numbers.
    ("4470", Denial::Personal),
    ("4476", Denial::Pager),
    ("4484", Denial::SharedCost),
    ("4487", Denial::SharedCost),
    ("449", Denial::Premium),
    // Satellites inside national plans: Russia's 954, Australia's 014.
    ("7954", Denial::Network),
    ("6114", Denial::Network),
];

/// Why these digits (E.164 without `+`) are refused, if they are.
pub(super) fn forbidden(digits: &str) -> Option<Denial> {
    let listed = FORBIDDEN.iter().find(|(prefix, _)| digits.starts_with(prefix));
    if let Some((_, denial)) = listed {
        return Some(*denial);
    }
    // North America: every area code has its own premium exchange, 976 (and 1-NPA-976-XXXX is no other thing).
    let exchange = digits.strip_prefix('1').and_then(|national| national.get(3..6));
    (exchange == Some("976")).then_some(Denial::Premium)
}
