# The calls that Terraform makes for an environment, seen when one was planned, applied and destroyed, and
# those of the commands. By name: what is not here is refused. `named` is what carries the project's name;
# `*` stands where an action knows no resource or the name is made up by AWS.

locals {
  arn = "arn:${local.partition}"
  own = "${var.region}:${local.account}"

  named = {
    buckets  = ["${local.arn}:s3:::market-lake-*"]
    objects  = ["${local.arn}:s3:::market-lake-*/*"]
    catalog  = ["${local.arn}:glue:${local.own}:catalog", "${local.arn}:glue:${local.own}:database/market_lake_*", "${local.arn}:glue:${local.own}:table/market_lake_*"]
    athena   = ["${local.arn}:athena:${local.own}:workgroup/market-lake-*"]
    images   = ["${local.arn}:ecr:${local.own}:repository/market-lake/*"]
    clusters = ["${local.arn}:ecs:${local.own}:cluster/market-lake-*"]
    tasks    = ["${local.arn}:ecs:${local.own}:task-definition/market-lake-*", "${local.arn}:ecs:${local.own}:task/market-lake-*"]
    machines = ["${local.arn}:states:${local.own}:stateMachine:market-lake-*", "${local.arn}:states:${local.own}:execution:market-lake-*", "${local.arn}:states:${local.own}:mapRun:market-lake-*"]
    schedule = ["${local.arn}:scheduler:${local.own}:schedule/default/market-lake-*"]
    logs     = ["${local.arn}:logs:${local.own}:log-group:/market-lake/*", "${local.arn}:logs:${local.own}:log-group:/aws/vendedlogs/states/market-lake-*"]
    alarms   = ["${local.arn}:cloudwatch:${local.own}:alarm:market-lake-*"]
    boards   = ["${local.arn}:cloudwatch::${local.account}:dashboard/market-lake-*"]
    topics   = ["${local.arn}:sns:${local.own}:market-lake-*"]
    queues   = ["${local.arn}:sqs:${local.own}:market-lake-*"]
    budgets  = ["${local.arn}:budgets::${local.account}:budget/market-lake-*"]
    roles    = ["${local.arn}:iam::${local.account}:role/market-lake-*"]
  }

  # by policy (each has room for 6,144 letters), by statement
  reads = {
    data = {
      Buckets  = { resources = local.named.buckets, actions = ["s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLogging", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning", "s3:GetBucketWebsite", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:ListBucket", "s3:ListBucketVersions"] }
      State    = { resources = ["${aws_s3_bucket.state.arn}/*"], actions = ["s3:GetObject"] }
      Settings = { resources = ["${local.arn}:s3:::market-lake-*/config/*"], actions = ["s3:GetObject", "s3:GetObjectTagging"] }
      Catalog  = { resources = local.named.catalog, actions = ["glue:GetDatabase", "glue:GetPartitionIndexes", "glue:GetTable", "glue:GetTables", "glue:GetTags"] }
      Athena   = { resources = local.named.athena, actions = ["athena:GetNamedQuery", "athena:GetWorkGroup", "athena:ListNamedQueries", "athena:ListTagsForResource"] }
    }
    rest = {
      Images   = { resources = local.named.images, actions = ["ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource"] }
      Clusters = { resources = local.named.clusters, actions = ["ecs:DescribeClusters", "ecs:ListTagsForResource"] }
      Machines = { resources = local.named.machines, actions = ["states:DescribeExecution", "states:DescribeMapRun", "states:DescribeStateMachine", "states:GetExecutionHistory", "states:ListExecutions", "states:ListMapRuns", "states:ListStateMachineVersions", "states:ListTagsForResource"] }
      Schedule = { resources = local.named.schedule, actions = ["scheduler:GetSchedule"] }
      Logs     = { resources = local.named.logs, actions = ["logs:FilterLogEvents", "logs:GetLogEvents", "logs:ListTagsForResource"] }
      Alarms   = { resources = concat(local.named.alarms, local.named.boards), actions = ["cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"] }
      Topics   = { resources = local.named.topics, actions = ["sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListTagsForResource"] }
      Queues   = { resources = local.named.queues, actions = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"] }
      Budgets  = { resources = local.named.budgets, actions = ["budgets:ListTagsForResource", "budgets:ViewBudget"] }
      Roles    = { resources = local.named.roles, actions = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies"] }
      # these know no resource
      Anywhere = { resources = ["*"], actions = ["ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute", "ec2:DescribeAvailabilityZones", "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces", "ec2:DescribePrefixLists", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs", "ecs:DescribeTaskDefinition", "logs:DescribeLogGroups", "states:ListStateMachines", "states:ValidateStateMachineDefinition", "tag:GetResources"] }
    }
  }

  writes = {
    data = {
      Buckets = { resources = local.named.buckets, actions = ["s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"] }
      # config/, states and their locks; a teardown empties buckets with their versions
      Objects = { resources = local.named.objects, actions = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectTagging", "s3:PutObject", "s3:PutObjectTagging"] }
      Catalog = { resources = local.named.catalog, actions = ["glue:CreateDatabase", "glue:CreateTable", "glue:DeleteDatabase", "glue:DeleteTable", "glue:TagResource", "glue:UntagResource", "glue:UpdateDatabase", "glue:UpdateTable"] }
      Athena  = { resources = local.named.athena, actions = ["athena:CreateNamedQuery", "athena:CreateWorkGroup", "athena:DeleteNamedQuery", "athena:DeleteWorkGroup", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:StartQueryExecution", "athena:StopQueryExecution", "athena:TagResource", "athena:UntagResource", "athena:UpdateNamedQuery", "athena:UpdateWorkGroup"] }
    }
    compute = {
      Images   = { resources = local.named.images, actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchDeleteImage", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:CreateRepository", "ecr:DeleteLifecyclePolicy", "ecr:DeleteRepository", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:ListImages", "ecr:PutImage", "ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy", "ecr:TagResource", "ecr:UntagResource", "ecr:UploadLayerPart"] }
      Clusters = { resources = local.named.clusters, actions = ["ecs:CreateCluster", "ecs:DeleteCluster", "ecs:PutClusterCapacityProviders", "ecs:TagResource", "ecs:UntagResource", "ecs:UpdateCluster"] }
      Tasks    = { resources = local.named.tasks, actions = ["ecs:RegisterTaskDefinition", "ecs:StopTask", "ecs:TagResource", "ecs:UntagResource"] }
      Machines = { resources = local.named.machines, actions = ["states:CreateStateMachine", "states:DeleteStateMachine", "states:StartExecution", "states:StopExecution", "states:TagResource", "states:UntagResource", "states:UpdateStateMachine"] }
      Schedule = { resources = local.named.schedule, actions = ["scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:UpdateSchedule"] }
    }
    # names of networks are made up by AWS; their tag says whose they are only once they are there
    network = {
      Network = { resources = ["*"], actions = ["ec2:AllocateAddress", "ec2:AssociateRouteTable", "ec2:AttachInternetGateway", "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateInternetGateway", "ec2:CreateNatGateway", "ec2:CreateRoute", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateTags", "ec2:CreateVpc", "ec2:CreateVpcEndpoint", "ec2:DeleteInternetGateway", "ec2:DeleteNatGateway", "ec2:DeleteRoute", "ec2:DeleteRouteTable", "ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteTags", "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints", "ec2:DetachInternetGateway", "ec2:DisassociateRouteTable", "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint", "ec2:ReleaseAddress", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"] }
      # knows no resource
      Retire  = { resources = ["*"], actions = ["ecs:DeregisterTaskDefinition"] }
      SignIn  = { resources = ["*"], actions = ["ecr:GetAuthorizationToken"] }
      Deliver = { resources = ["*"], actions = ["logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"] }
    }
    watch = {
      Logs    = { resources = local.named.logs, actions = ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"] }
      Alarms  = { resources = concat(local.named.alarms, local.named.boards), actions = ["cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"] }
      Topics  = { resources = local.named.topics, actions = ["sns:CreateTopic", "sns:DeleteTopic", "sns:SetSubscriptionAttributes", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:Unsubscribe", "sns:UntagResource"] }
      Queues  = { resources = local.named.queues, actions = ["sqs:CreateQueue", "sqs:DeleteMessage", "sqs:DeleteQueue", "sqs:ReceiveMessage", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"] }
      Budgets = { resources = local.named.budgets, actions = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"] }
    }
  }
}
