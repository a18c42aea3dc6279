"""The domain's pages."""

from django.urls import path

from connectors.views import accounts, audit, batches, board, drift, facets, operations, targets

urlpatterns = [
    path("", board.board, name="board"),
    path("board/filters/<slug:slug>/", facets.facet, name="board-filter"),
    path("connectors/<int:pk>/", targets.connector, name="connector"),
    path("connectors/<int:pk>/operations/", operations.create_for_connector, name="connector-operations"),
    path("connectors/<int:pk>/operations/new/", operations.new_for_connector, name="connector-operation-new"),
    path("connectors/<int:pk>/flow/", targets.flow, name="connector-flow"),
    path("pipelines/<int:pk>/", targets.pipeline, name="pipeline"),
    path("pipelines/<int:pk>/operations/", operations.create_for_pipeline, name="pipeline-operations"),
    path("pipelines/<int:pk>/operations/new/", operations.new_for_pipeline, name="pipeline-operation-new"),
    path("connectors/<int:pk>/drift/", drift.decide_for_connector, name="connector-drift"),
    path("pipelines/<int:pk>/drift/", drift.decide_for_pipeline, name="pipeline-drift"),
    path("operations/<uuid:pk>/cancellation/", operations.cancel, name="operation-cancellation"),
    path("operations/<uuid:pk>/retry/", operations.retry, name="operation-retry"),
    path("operations/<uuid:pk>/resending/", operations.send_again, name="operation-resending"),
    path("accounts/new/", accounts.choose, name="account-choose"),
    path("accounts/new/<slug:slug>/", accounts.new, name="account-new"),
    path("accounts/<int:pk>/change/", accounts.change, name="account-change"),
    path("accounts/<int:pk>/removal/", accounts.remove, name="account-remove"),
    path("batches/", batches.batch_list, name="batches"),
    path("batches/new/", batches.new, name="batch-new"),
    path("batches/<uuid:pk>/", batches.batch, name="batch"),
    path("batches/<uuid:pk>/cancellation/", batches.cancel, name="batch-cancellation"),
    path("batches/<uuid:pk>/retry/", batches.retry, name="batch-retry"),
    path("batches/<uuid:pk>/restoration/", batches.restore, name="batch-restoration"),
    path("accounts/<int:pk>/", targets.account, name="account"),
    path("audit/", audit.events, name="audit"),
    path("audit/export.csv", audit.export, name="audit-export"),
]
