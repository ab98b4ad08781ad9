//! `GetXdbcTypeInfo`: the types that columns of tables have, in the words of ODBC and JDBC.

use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};

/// All types.
pub(super) fn all() -> XdbcTypeInfoData {
    let mut types = XdbcTypeInfoDataBuilder::new();
    let boolean = plain("BOOLEAN", XdbcDataType::XdbcBit, 1);
    types.append(boolean);
    types.append(number("BIGINT", XdbcDataType::XdbcBigint, 19, false));
    types.append(number(
        "BIGINT UNSIGNED",
        XdbcDataType::XdbcBigint,
        20,
        true,
    ));
    types.append(number("DOUBLE", XdbcDataType::XdbcDouble, 53, false));
    types.append(XdbcTypeInfo {
        literal_prefix: Some("'".to_owned()),
        literal_suffix: Some("'".to_owned()),
        case_sensitive: true,
        ..plain("VARCHAR", XdbcDataType::XdbcVarchar, i32::MAX)
    });
    types.append(XdbcTypeInfo {
        literal_prefix: Some("timestamp '".to_owned()),
        literal_suffix: Some("'".to_owned()),
        maximum_scale: Some(9),
        sql_data_type: XdbcDataType::XdbcDatetime,
        datetime_subcode: Some(XdbcDatetimeSubcode::XdbcSubcodeTimestamp),
        ..plain("TIMESTAMP", XdbcDataType::XdbcTimestamp, 29)
    });
    types.build().expect("the columns have as many values")
}

fn number(name: &str, data_type: XdbcDataType, digits: i32, is_unsigned: bool) -> XdbcTypeInfo {
    let radix = match data_type {
        XdbcDataType::XdbcDouble => 2,
        _ => 10,
    };
    XdbcTypeInfo {
        unsigned_attribute: Some(is_unsigned),
        num_prec_radix: Some(radix),
        ..plain(name, data_type, digits)
    }
}

fn plain(name: &str, data_type: XdbcDataType, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        column_size: Some(size),
        literal_prefix: None,
        literal_suffix: None,
        create_params: None,
        nullable: Nullable::NullabilityNullable,
        case_sensitive: false,
        searchable: Searchable::Full,
        unsigned_attribute: None,
        fixed_prec_scale: false,
        auto_increment: Some(false),
        local_type_name: Some(name.to_owned()),
        minimum_scale: Some(0),
        maximum_scale: Some(0),
        sql_data_type: data_type,
        datetime_subcode: None,
        num_prec_radix: None,
        interval_precision: None,
    }
}
