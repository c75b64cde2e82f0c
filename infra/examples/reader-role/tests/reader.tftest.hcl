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
  analysts = ["arn:aws:iam::111122223333:role/analyst"]
}

run "a_reader_belongs_to_its_environment" {
  command = plan

  assert {
    condition     = aws_iam_role.reader.name == "market-lake-dev-reader" && aws_iam_role_policy.reader.policy == module.environment.reader_policy
    error_message = "a reader of one environment must not be in the way of another's, and may what reader_policy says"
  }
}

run "anybody_is_refused" {
  command = plan

  variables {
    analysts = ["*"]
  }

  expect_failures = [var.analysts]
}
