"""The pages of the guard rails."""

from django.urls import path

from connectors.views import approvals, freezes, schedules

urlpatterns = [
    path("freezes/", freezes.freeze_list, name="freezes"),
    path("freezes/new/", freezes.new, name="freeze-new"),
    path("freezes/<int:pk>/", freezes.freeze, name="freeze"),
    path("freezes/<int:pk>/glass/", freezes.break_glass, name="freeze-glass"),
    path("freezes/glass/<int:pk>/end/", freezes.mend_glass, name="freeze-glass-end"),
    path("approvals/", approvals.approval_list, name="approvals"),
    path("approvals/<uuid:pk>/", approvals.approval, name="approval"),
    path("approvals/<uuid:pk>/decision/", approvals.decide, name="approval-decision"),
    path("protections/", approvals.protection_list, name="protections"),
    path("connectors/<int:pk>/protection/", approvals.protection, name="connector-protection"),
    path("schedules/", schedules.schedule_list, name="schedules"),
    path("schedules/new/", schedules.new, name="schedule-new"),
    path("schedules/<int:pk>/", schedules.schedule, name="schedule"),
    path("schedules/<int:pk>/change/", schedules.change, name="schedule-change"),
]
