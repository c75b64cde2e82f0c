# What whoever asks the lake may do: ask Athena in this workgroup, which has a limit that no client can lift,
# read the tables, and write results. Archives as received are not among them, nor is anything of a run.

locals {
  arn = "arn:${data.aws_partition.this.partition}"

  read = sort([for table in var.contract.tables : "${table.prefix}/*"])
}

data "aws_partition" "this" {}

data "aws_iam_policy_document" "reader" {
  statement {
    sid = "Ask"
    actions = [
      "athena:BatchGetNamedQuery",
      "athena:GetNamedQuery",
      "athena:GetQueryExecution",
      "athena:GetQueryResults",
      "athena:GetWorkGroup",
      "athena:ListNamedQueries",
      "athena:ListQueryExecutions",
      "athena:StartQueryExecution",
      "athena:StopQueryExecution",
    ]
    resources = ["${local.arn}:athena:${local.region}:${local.account}:workgroup/${module.catalog.workgroup}"]
  }

  statement {
    sid     = "LookUpTables"
    actions = ["glue:GetDatabase", "glue:GetDatabases", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"]
    resources = concat(
      ["${local.arn}:glue:${local.region}:${local.account}:catalog"],
      [for database in module.catalog.databases : "${local.arn}:glue:${local.region}:${local.account}:database/${database}"],
      [for table in var.contract.tables : "${local.arn}:glue:${local.region}:${local.account}:table/${module.catalog.databases[table.schema]}/${table.name}"],
    )
  }

  # Athena looks for it with every query, whichever database the query names
  statement {
    sid       = "LookForDefault"
    actions   = ["glue:GetDatabase"]
    resources = ["${local.arn}:glue:${local.region}:${local.account}:database/default"]
  }

  statement {
    sid       = "ReadTables"
    actions   = ["s3:GetObject"]
    resources = [for pattern in local.read : "${module.lake.bucket_arn}/${pattern}"]
  }

  statement {
    sid       = "ListTables"
    actions   = ["s3:ListBucket"]
    resources = [module.lake.bucket_arn]

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = concat(local.read, ["athena-results/*"])
    }
  }

  statement {
    sid       = "FindTheBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [module.lake.bucket_arn]
  }

  statement {
    sid       = "KeepResults"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${module.lake.bucket_arn}/athena-results/*"]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseTheKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${local.region}.amazonaws.com"]
      }
    }
  }
}
