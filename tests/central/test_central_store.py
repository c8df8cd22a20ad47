"""Rows of jobs move along the table, once; in a database of each kind, whose schema is that of the models."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from central.accounts.model import Account
from central.db import Base, open_database
from central.jobs import store
from central.jobs.model import Job
from central.registry import store as pairs
from sandbox.errors import Code, InputError
from sandbox.rounds.state import JobEvent
from sandbox.wire.link import JobState
from tests.central.serving import serve

N_THREADS = 8


@pytest.fixture
def database(of_each_kind):
    database = open_database(of_each_kind.database)
    yield database
    database.close()


@pytest.fixture
def job_id(database):
    with database.transaction() as session:
        owner = session.query(Account).first()
        job = Job(name="x", owner_id=owner.id, pair_digest=pairs.all_versions(session)[0].digest, spec={}, participants=[])
        store.add(session, job)
    return job.id


def test_of_many_who_end_a_job_at_once_one_does(database, job_id):
    moved, refused = [], []
    barrier = threading.Barrier(N_THREADS)

    def end():
        barrier.wait()
        try:
            with database.transaction() as session:
                moved.append(store.follow_event(session, job_id, JobEvent.CANCEL, code="x"))
        except InputError as error:
            refused.append(error.code)

    threads = [threading.Thread(target=end) for _ in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(moved) == 1
    assert refused == [Code.JOB_STATE] * (N_THREADS - 1)


def test_a_transition_that_is_not_in_the_table_changes_nothing(database, job_id):
    with pytest.raises(InputError), database.transaction() as session:
        store.follow_event(session, job_id, JobEvent.FINISH, code="x")
    with database.transaction() as session:
        job = store.get(session, job_id)
    assert (job.job_state, job.code) == (JobState.DRAFT, None)


def test_times_come_back_in_utc(database, job_id):
    with database.transaction() as session:
        job = store.follow_event(session, job_id, JobEvent.OPEN)
    assert job.opened_at.utcoffset().total_seconds() == 0


def test_the_migrations_make_the_tables_that_the_models_describe(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


async def test_a_central_serves_from_it(of_each_kind):
    async with serve(of_each_kind) as served:
        ada = await served.sign_in("ada")
        site = await served.person(ada, "anna", "site")
        assert [account["site_id"] for account in await ada.call("GET", "/api/sites")] == [site.account["site_id"]]
        assert await ada.call("GET", "/api/pairs")
        for person in (ada, site):
            await person.http.aclose()
