# What Athena sees: a database a zone, the tables of infra/contract.json, a workgroup with a limit,
# and the named queries. The tables' truth is their Delta log; the columns here are for people and for
# engines that plan by the catalog, and a test keeps them equal to the contract.

locals {
  databases = { for zone in distinct([for table in var.tables : table.schema]) : zone => "${replace(var.name, "-", "_")}_${zone}" }
}

resource "aws_glue_catalog_database" "this" {
  for_each = local.databases

  name         = each.value
  description  = "market-lake, ${var.environment}: the ${each.key} zone"
  location_uri = "${var.lake_uri}/${each.key}"
}

resource "aws_glue_catalog_table" "this" {
  for_each = var.tables

  database_name = aws_glue_catalog_database.this[each.value.schema].name
  name          = each.value.name
  description   = each.value.comment
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL       = "TRUE"
    table_type     = "DELTA"
    classification = "delta"
    # without it Trino does not take the table for a Delta one
    "spark.sql.sources.provider" = "delta"
  }

  storage_descriptor {
    location      = "${var.lake_uri}/${each.value.prefix}"
    input_format  = "org.apache.hadoop.mapred.SequenceFileInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
      # Trino looks for the table here and not at the location above
      parameters = { "serialization.format" = "1", path = "${var.lake_uri}/${each.value.prefix}" }
    }

    dynamic "columns" {
      for_each = [for column in each.value.columns : column if !contains(each.value.partitions, column.name)]

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }

  dynamic "partition_keys" {
    for_each = [for name in each.value.partitions : one([for c in each.value.columns : c if c.name == name])]

    content {
      name    = partition_keys.value.name
      type    = partition_keys.value.type
      comment = partition_keys.value.comment
    }
  }
}

resource "aws_athena_workgroup" "this" {
  name        = var.name
  description = "market-lake, ${var.environment}: a query may read ${var.scan_limit_gib} GiB"

  # with it goes the history of queries, which would keep it; their results lie in the lake
  force_destroy = true

  configuration {
    # what a client asks for instead is ignored
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = floor(var.scan_limit_gib * 1024 * 1024 * 1024)

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "${var.lake_uri}/${var.results_prefix}/"
      expected_bucket_owner = var.account

      encryption_configuration {
        encryption_option = var.kms_key_arn == null ? "SSE_S3" : "SSE_KMS"
        kms_key_arn       = var.kms_key_arn
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = var.queries

  name        = each.key
  description = each.value.purpose
  database    = aws_glue_catalog_database.this["gold"].name
  workgroup   = aws_athena_workgroup.this.name
  query       = templatestring(each.value.sql, local.databases)
}
