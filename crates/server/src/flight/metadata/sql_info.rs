//! `GetSqlInfo`: what the server can do, by the codes of FlightSql.proto. A code decides the type
//! of its value: JDBC casts without asking.

use std::collections::BTreeMap;

use arrow_flight::sql::SqlInfo::*;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlNullOrdering as NullOrdering, SqlOuterJoinsSupportLevel as OuterJoins,
    SqlSupportedCaseSensitivity as Case, SqlSupportsConvert as Convert,
};
use datafusion::functions as library;
use datafusion::logical_expr::ScalarUDF;
use datafusion::sql::sqlparser::keywords::ALL_KEYWORDS;

use std::sync::Arc;

/// All codes with their values.
pub(super) fn all() -> SqlInfoData {
    let mut info = SqlInfoDataBuilder::new();
    server(&mut info);
    syntax(&mut info);
    abilities(&mut info);
    inabilities(&mut info);
    limits(&mut info);
    info.build().expect("every value has a column")
}

fn server(info: &mut SqlInfoDataBuilder) {
    info.append(FlightSqlServerName, "Tidemill");
    info.append(FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    // That of the columnar format; see "Format Versioning and Stability" of its specification.
    info.append(FlightSqlServerArrowVersion, "1.5");
    info.append(FlightSqlServerReadOnly, false);
    info.append(FlightSqlServerSql, true);
    info.append(FlightSqlServerSubstrait, false);
    info.append(FlightSqlServerTransaction, 0i32);
    info.append(FlightSqlServerCancel, true);
    info.append(FlightSqlServerBulkIngestion, true);
    info.append(FlightSqlServerIngestTransactionsSupported, false);
    // Handles hold their statements themselves.
    info.append(FlightSqlServerStatementTimeout, 0i32);
    info.append(FlightSqlServerTransactionTimeout, 0i32);
}

fn syntax(info: &mut SqlInfoDataBuilder) {
    info.append(SqlIdentifierCase, Case::SqlCaseSensitivityLowercase as i32);
    info.append(SqlIdentifierQuoteChar, "\"");
    // Quoted names are taken as they are, for which there is no value.
    info.append(
        SqlQuotedIdentifierCase,
        Case::SqlCaseSensitivityUnknown as i32,
    );
    info.append(SqlNullOrdering, NullOrdering::SqlNullsSortedHigh as i32);
    info.append(SqlKeywords, ALL_KEYWORDS);
    info.append(SqlNumericFunctions, names(library::math::functions()));
    let mut strings = library::string::functions();
    strings.extend(library::unicode::functions());
    strings.extend(library::regex::functions());
    info.append(SqlStringFunctions, names(strings));
    info.append(SqlSystemFunctions, names(library::core::functions()));
    info.append(SqlDatetimeFunctions, names(library::datetime::functions()));
    info.append(SqlSearchStringEscape, "\\");
    info.append(SqlExtraNameCharacters, "");
    info.append(SqlSchemaTerm, "schema");
    info.append(SqlProcedureTerm, "procedure");
    info.append(SqlCatalogTerm, "catalog");
    info.append(SqlCatalogAtStart, true);
    info.append(SqlSupportsConvert, conversions());
}

fn abilities(info: &mut SqlInfoDataBuilder) {
    for code in [
        SqlAllTablesAreSelectable,
        SqlSupportsColumnAliasing,
        SqlNullPlusNullIsNull,
        SqlSupportsTableCorrelationNames,
        SqlSupportsExpressionsInOrderBy,
        SqlSupportsOrderByUnrelated,
        SqlSupportsLikeEscapeClause,
        SqlSupportsNonNullableColumns,
        SqlCorrelatedSubqueriesSupported,
        SqlMaxRowSizeIncludesBlobs,
        // `CREATE DATABASE` and `DROP TABLE` are there, but what they concern is no catalog or
        // schema in the sense of SQL.
    ] {
        info.append(code, true);
    }
    // Bits, by the values of their enumerations.
    for (code, bits) in [
        (SqlSupportedGroupBy, 0b11),
        (SqlSupportedGrammar, 0b11),
        (SqlAnsi92SupportedLevel, 0b1),
        (SqlSchemasSupportedActions, 0),
        (SqlCatalogsSupportedActions, 0),
        (SqlSupportedPositionedCommands, 0),
        (SqlSupportedSubqueries, 0b1111),
        (SqlSupportedUnions, 0b11),
        (SqlSupportedTransactionsIsolationLevels, 0b1),
        (SqlSupportedResultSetTypes, 0b10),
        (SqlSupportedConcurrenciesForResultSetUnspecified, 0),
        (SqlSupportedConcurrenciesForResultSetForwardOnly, 0b10),
        (SqlSupportedConcurrenciesForResultSetScrollSensitive, 0),
        (SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0),
    ] {
        info.append(code, bits);
    }
    let joins = OuterJoins::SqlFullOuterJoins as i32;
    info.append(SqlOuterJoinsSupportLevel, joins);
    info.append(SqlDefaultTransactionIsolation, 0i32);
}

fn inabilities(info: &mut SqlInfoDataBuilder) {
    for code in [
        SqlDdlCatalog,
        SqlDdlSchema,
        SqlDdlTable,
        SqlSupportsDifferentTableCorrelationNames,
        SqlSupportsIntegrityEnhancementFacility,
        SqlSelectForUpdateSupported,
        SqlStoredProceduresSupported,
        SqlTransactionsSupported,
        SqlDataDefinitionCausesTransactionCommit,
        SqlDataDefinitionsInTransactionsIgnored,
        SqlBatchUpdatesSupported,
        SqlSavepointsSupported,
        SqlNamedParametersSupported,
        SqlLocatorsUpdateCopy,
        SqlStoredFunctionsUsingCallSyntaxSupported,
    ] {
        info.append(code, false);
    }
}

fn limits(info: &mut SqlInfoDataBuilder) {
    for code in [
        SqlMaxBinaryLiteralLength,
        SqlMaxCharLiteralLength,
        SqlMaxColumnNameLength,
        SqlMaxColumnsInGroupBy,
        SqlMaxColumnsInIndex,
        SqlMaxColumnsInOrderBy,
        SqlMaxColumnsInSelect,
        SqlMaxColumnsInTable,
        SqlMaxConnections,
        SqlMaxCursorNameLength,
        SqlMaxIndexLength,
        SqlDbSchemaNameLength,
        SqlMaxProcedureNameLength,
        SqlMaxCatalogNameLength,
        SqlMaxRowSize,
        SqlMaxStatementLength,
        SqlMaxStatements,
        SqlMaxTableNameLength,
        SqlMaxTablesInSelect,
        SqlMaxUsernameLength,
    ] {
        // What limits these is memory or a setting; clients keep 32 bits.
        info.append(code, i64::from(i32::MAX));
    }
}

fn names(functions: Vec<Arc<ScalarUDF>>) -> Vec<String> {
    let mut names: Vec<_> = functions
        .iter()
        .map(|each| each.name().to_owned())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Which types `CAST` converts to which.
fn conversions() -> BTreeMap<i32, Vec<i32>> {
    use Convert::*;
    let numbers = [
        SqlConvertBigint,
        SqlConvertDecimal,
        SqlConvertFloat,
        SqlConvertInteger,
        SqlConvertNumeric,
        SqlConvertReal,
        SqlConvertSmallint,
        SqlConvertTinyint,
    ];
    let texts = [SqlConvertChar, SqlConvertLongvarchar, SqlConvertVarchar];
    let times = [SqlConvertDate, SqlConvertTimestamp];
    let other = [SqlConvertBit, SqlConvertTime, SqlConvertIntervalDayTime];
    let mut conversions = BTreeMap::new();
    let mut add = |from: &[Convert], to: &[&[Convert]]| {
        let to: Vec<i32> = to.concat().into_iter().map(|to| to as i32).collect();
        for from in from {
            conversions.insert(*from as i32, to.clone());
        }
    };
    add(
        &numbers,
        &[&numbers, &texts, &[SqlConvertBit, SqlConvertTimestamp]],
    );
    add(&texts, &[&numbers, &texts, &times, &other]);
    add(&times, &[&times, &texts, &[SqlConvertBigint]]);
    add(&[SqlConvertBit], &[&numbers, &texts, &[SqlConvertBit]]);
    add(&[SqlConvertTime], &[&texts, &[SqlConvertTime]]);
    conversions
}
