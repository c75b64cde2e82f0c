# What the file makes of an environment that is there.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws-cn" }
  }
}

override_module {
  target = module.environment
  outputs = {
    environment   = "dev"
    workgroup     = "market-lake-dev"
    reader_policy = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  }
}

variables {
  reader_account = "444455556666"
  external_id    = "market-data"
}

run "a_reader_belongs_to_its_environment" {
  command = plan

  assert {
    condition     = aws_iam_role.cross_account_reader.name == "market-lake-dev-reader-444455556666" && aws_iam_role_policy.cross_account_reader.policy == module.environment.reader_policy
    error_message = "a reader of one environment must not be in the way of another's, and may what reader_policy says"
  }

  assert {
    condition     = one(data.aws_iam_policy_document.cross_account_reader.statement[0].principals).identifiers == toset(["arn:aws-cn:iam::444455556666:root"])
    error_message = "the account is named in another partition than it is in"
  }
}

run "a_name_in_place_of_an_account_is_refused" {
  command = plan

  variables {
    reader_account = "partner"
  }

  expect_failures = [var.reader_account]
}
