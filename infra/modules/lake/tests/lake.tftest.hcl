mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }
}

variables {
  bucket   = "market-lake-test-111122223333-eu-central-1"
  account  = "111122223333"
  config   = "environment: test\n"
  prefixes = { bronze = "bronze", temp = "temp" }
}

run "the_bucket_is_private_and_versioned" {
  command = apply

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "the bucket is not versioned"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "public access is not blocked"
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "the bucket is not encrypted"
  }

  assert {
    condition     = toset([for s in data.aws_iam_policy_document.this.statement : s.effect]) == toset(["Deny"])
    error_message = "the bucket's policy must only take away"
  }

  assert {
    condition     = toset([for s in data.aws_iam_policy_document.this.statement : s.sid]) == toset(["OnlyOverTls", "OnlyThisAccount"])
    error_message = "the bucket's policy must ask for TLS and for the account"
  }
}

run "only_archives_leave_for_glacier" {
  command = apply

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : one(rule.filter).prefix if length(rule.transition) > 0
    ] == ["bronze/source="]
    error_message = "only raw archives may move to another storage class"
  }

  assert {
    condition = toset([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : one(rule.filter).prefix
      if length(rule.expiration) > 0 && try(rule.expiration[0].days, 0) > 0
    ]) == toset(["temp/", "athena-results/"])
    error_message = "only temporary objects and query results may expire"
  }
}

run "a_task_is_told_the_version_of_its_configuration" {
  command = apply

  assert {
    condition     = output.config_uri == "s3://${var.bucket}/config/lake.yaml?versionId=${aws_s3_object.configuration.version_id}" && aws_s3_object.configuration.version_id != ""
    error_message = "the configuration lies elsewhere: ${output.config_uri}"
  }
}

# An object of another name would be a new one, and Terraform would delete the one before, with every
# version of it, under the hands of executions at work.
run "a_changed_configuration_is_written_over_the_one_before" {
  command = apply

  variables {
    config = "environment: test\naws: {spot: false}\n"
  }

  assert {
    condition     = output.config_key == run.a_task_is_told_the_version_of_its_configuration.config_key && aws_s3_object.configuration.content == var.config
    error_message = "the key of the configuration must not depend on what stands in it"
  }
}

run "a_bucket_name_with_capitals_is_refused" {
  command = plan

  variables {
    bucket = "Market-Lake"
  }

  expect_failures = [var.bucket]
}

run "an_account_that_is_none_is_refused" {
  command = plan

  variables {
    account = "123"
  }

  expect_failures = [var.account]
}

run "a_configuration_without_an_environment_is_refused" {
  command = plan

  variables {
    config = "sources: {}\n"
  }

  expect_failures = [var.config]
}

run "history_below_a_week_is_refused" {
  command = plan

  variables {
    noncurrent_days = 1
  }

  expect_failures = [var.noncurrent_days]
}

run "an_alias_in_place_of_a_key_is_refused" {
  command = plan

  variables {
    kms_key_arn = "alias/lake"
  }

  expect_failures = [var.kms_key_arn]
}
