# plans only: Terraform 1.11 cannot clean up after an apply where prevent_destroy is on
mock_provider "aws" {
  override_during = plan

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::market-lake-state-111122223333-eu-central-1" }
  }
}

variables {
  bucket = "market-lake-state-111122223333-eu-central-1"
}

run "states_are_versioned_and_private" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled" && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "a state could be lost or seen"
  }
}

run "states_travel_encrypted" {
  command = plan

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.this.statement :
      statement.effect == "Deny" && contains(statement.resources, "${aws_s3_bucket.this.arn}/*")
    ])
    error_message = "a state could be read without TLS"
  }
}

run "a_foreign_name_is_refused" {
  command = plan

  variables {
    bucket = "states"
  }

  expect_failures = [var.bucket]
}
