mock_provider "aws" {}

variables {
  name        = "market-lake-test"
  environment = "test"
  account     = "111122223333"
  lake_uri    = "s3://market-lake-test"

  tables  = jsondecode(file("../../contract.json")).tables
  queries = jsondecode(file("../../contract.json")).queries
}

run "every_table_of_the_contract_is_registered_with_its_columns" {
  command = apply

  assert {
    condition = output.tables == {
      for name, table in var.tables : name => { for column in table.columns : column.name => column.type }
    }
    error_message = "the catalog's columns are not the contract's"
  }

  assert {
    condition = alltrue([
      for name, table in aws_glue_catalog_table.this :
      join("/", table.partition_keys[*].name) == join("/", var.tables[name].partitions)
    ])
    error_message = "partitions must be those of the contract, in their order"
  }

  assert {
    condition = alltrue([
      for name, table in aws_glue_catalog_table.this :
      table.storage_descriptor[0].location == "s3://market-lake-test/${var.tables[name].prefix}"
      && table.storage_descriptor[0].ser_de_info[0].parameters.path == table.storage_descriptor[0].location
      && table.parameters["spark.sql.sources.provider"] == "delta"
    ])
    error_message = "a table is not one that both Athena and Trino read"
  }
}

run "zones_are_databases_of_their_own" {
  command = apply

  assert {
    condition = output.databases == {
      bronze = "market_lake_test_bronze"
      silver = "market_lake_test_silver"
      gold   = "market_lake_test_gold"
      ops    = "market_lake_test_ops"
    }
    error_message = "a zone has no database of its own"
  }
}

run "the_workgroup_has_a_limit_that_clients_cannot_lift" {
  command = apply

  variables {
    scan_limit_gib = 2
  }

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 2147483648
    error_message = "the limit is not 2 GiB"
  }

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration
    error_message = "a client could lift the limit"
  }
}

run "named_queries_run_as_they_are" {
  command = apply

  assert {
    condition     = length(aws_athena_named_query.this) == length(var.queries) && length(var.queries) > 0
    error_message = "a query is missing"
  }

  assert {
    condition     = strcontains(aws_athena_named_query.this["bars_for_symbol"].query, "FROM market_lake_test_gold.bars")
    error_message = "zones must become databases"
  }

  assert {
    condition = (
      strcontains(aws_athena_named_query.this["bars_for_symbol"].query, "AND symbol = 'BTCUSDT'") &&
      strcontains(aws_athena_named_query.this["bars_for_symbol"].query, "BETWEEN DATE '2017-01-01' AND DATE '2099-12-31'")
    )
    error_message = "parameters must become their default values"
  }

  assert {
    condition     = alltrue([for query in aws_athena_named_query.this : length(split("$", query.query)) == 1])
    error_message = "a zone that is no database is left"
  }
}

run "a_partition_that_is_no_column_is_refused" {
  command = plan

  variables {
    tables = {
      "gold.bars" = { schema = "gold", name = "bars", prefix = "gold/bars", comment = "bars", partitions = ["month"], columns = [] }
    }
  }

  expect_failures = [var.tables]
}

run "a_query_that_does_not_say_what_for_is_refused" {
  command = plan

  variables {
    queries = { nameless = { purpose = "", sql = "SELECT 1" } }
  }

  expect_failures = [var.queries]
}

run "a_limit_below_athenas_is_refused" {
  command = plan

  variables {
    scan_limit_gib = 0
  }

  expect_failures = [var.scan_limit_gib]
}

run "an_alias_in_place_of_a_key_is_refused" {
  command = plan

  variables {
    kms_key_arn = "alias/lake"
  }

  expect_failures = [var.kms_key_arn]
}
