# The bucket that is the lake. Everything else in the account can be made anew from the code and
# from what lies here, so it is versioned, private, and only reached over TLS from its account.

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18: access logs are objects that cost money and nobody reads; CloudTrail data events are the trail where one is asked for
  # checkov:skip=CKV_AWS_144: archives can be downloaded again and tables rebuilt from them; a second region doubles the bill
  # checkov:skip=CKV_AWS_145: SSE-S3 encrypts as well; a customer key costs 1 USD a month at rest, and is taken where one is given
  # checkov:skip=CKV2_AWS_62: nothing waits for objects; the pipeline is started by its schedule
  bucket = var.bucket
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }

    # one call of the key for many objects
    bucket_key_enabled = var.kms_key_arn == null ? null : true
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  statement {
    sid       = "OnlyThisAccount"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringNotEquals"
      variable = "aws:PrincipalAccount"
      values   = [var.account]
    }

    # services that act for the account carry no account of their own
    condition {
      test     = "BoolIfExists"
      variable = "aws:PrincipalIsAWSService"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.this.json

  # both change the bucket's policy status; at the same time one of them is refused
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "archives-to-glacier-instant"
    status = "Enabled"

    # only raw archives: the ledger beside them is a table and is read by each run
    filter {
      prefix = "${var.prefixes.bronze}/source="
    }

    # still read at once, so that a group can be rebuilt years later
    transition {
      days          = var.bronze_glacier_days
      storage_class = "GLACIER_IR"
    }
  }

  dynamic "rule" {
    for_each = { (var.prefixes.temp) = "temp-gone", (var.prefixes.athena_results) = "query-results-gone" }

    content {
      id     = rule.value
      status = "Enabled"

      filter {
        prefix = "${rule.key}/"
      }

      expiration {
        days = var.temp_days
      }
    }
  }

  rule {
    id     = "leftovers-gone"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }

    expiration {
      expired_object_delete_marker = true
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

# The jobs read these very bytes. A changed file is written over the one before, which the bucket keeps
# as an older version for noncurrent_days: tasks are told the version that they were deployed with, so an
# execution at work goes on with its own configuration, whatever is deployed meanwhile.
resource "aws_s3_object" "configuration" {
  # checkov:skip=CKV_AWS_186: encrypted by the bucket's default, see CKV_AWS_145 above
  bucket       = aws_s3_bucket.this.bucket
  key          = var.config_key
  content      = var.config
  content_type = "application/yaml"

  depends_on = [
    aws_s3_bucket_server_side_encryption_configuration.this,
    # without it there are no versions
    aws_s3_bucket_versioning.this,
  ]
}

# Earlier deployments wrote an object for each configuration and deleted the one before. The last of
# those stays: tasks that were started from it may be at work.
removed {
  from = aws_s3_object.config

  lifecycle {
    destroy = false
  }
}
