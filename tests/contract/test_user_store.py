"""What every `UserStore` does."""

import asyncio

import pytest

from tests.contract.store_kit import an_id
from tests.contract.user_kit import a_guest, a_login, a_user, now_ms, registered
from votegame.auth.ports import LOGINS_PER_USER, EmailTaken
from votegame.auth.values import Account
from votegame.errors import RowsRefusedError
from votegame.storage.database import Database
from votegame.storage.memory_users import MemoryUserStore
from votegame.storage.users import PostgresUserStore


@pytest.fixture(params=["memory", "postgres"])
async def store(request):
    if request.param == "memory":
        yield MemoryUserStore(now_ms)
        return
    database = Database(request.getfixturevalue("database_url"), size=4)
    users = PostgresUserStore(database)
    yield users
    await users.close()
    await database.close()


async def standing(store, login_ids) -> set[str]:
    """Which of these have not ended."""
    return set(login_ids) - await store.ended(login_ids)


class TestUsers:
    async def test_a_new_user_has_a_login_and_is_found_by_the_folded_address(self, store):
        user, login = a_user(), a_login()
        assert await store.add_user(user, login) is None
        account = Account(user_id=user.user_id, display_name="Ada", email="Ada@Example.org")
        assert await store.find_login(login.login_id, user.user_id) == (account, login.expires_ms)
        assert await store.find_by_email("ada@example.org") == (account, "hash of Ada")
        assert await store.find_by_email("Ada@Example.org") is None

    async def test_a_guest_has_a_login_and_no_address(self, store):
        guest, login = a_guest(), a_login()
        assert await store.add_user(guest, login) is None
        account, _expires_ms = await store.find_login(login.login_id, guest.user_id)
        assert account.is_guest
        assert await store.password_hash(guest.user_id) is None

    async def test_there_can_be_many_guests_of_one_name(self, store):
        assert [await store.add_user(a_guest(), a_login()) for _ in range(3)] == [None] * 3

    async def test_an_address_is_had_once_and_the_second_user_gets_nothing(self, store):
        await store.add_user(a_user(), a_login())
        second, login = a_user(email="ada@example.org"), a_login()
        assert await store.add_user(second, login) == EmailTaken()
        assert await store.find_login(login.login_id, second.user_id) is None
        assert await standing(store, [login.login_id]) == frozenset()

    async def test_of_many_with_one_address_at_once_one_is_made(self, store):
        results = await asyncio.gather(*(store.add_user(a_user(), a_login()) for _ in range(8)))
        assert sorted(map(str, results)) == ["EmailTaken()"] * 7 + ["None"]

    @pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
    async def test_text_that_cannot_be_stored_is_refused(self, store, text):
        with pytest.raises(RowsRefusedError):
            await store.add_user(a_user(display_name=text), a_login())


class TestRegisteringGuests:
    async def test_the_guest_keeps_his_id_and_gets_one_login_for_all_he_had(self, store):
        guest, first, other, new = a_guest(), a_login(), a_login(), a_login()
        await store.add_user(guest, first)
        await store.add_login(guest.user_id, other, checked_hash=None)
        ended = await store.register_guest(registered(guest), new)
        assert sorted(ended) == sorted([first.login_id, other.login_id])
        assert await standing(store, [first.login_id, other.login_id, new.login_id]) == {new.login_id}
        account, password_hash = await store.find_by_email("gustav@example.org")
        assert (account.user_id, account.display_name) == (guest.user_id, "Gustav")
        assert password_hash == "hash of Gustav"

    async def test_a_taken_address_leaves_the_guest_as_he_was(self, store):
        guest, login = a_guest(), a_login()
        await store.add_user(a_user("Gustav"), a_login())
        await store.add_user(guest, login)
        assert await store.register_guest(registered(guest), a_login()) == EmailTaken()
        account, _expires_ms = await store.find_login(login.login_id, guest.user_id)
        assert account == Account(user_id=guest.user_id, display_name="Gus")

    async def test_who_is_no_guest_or_nobody_cannot_register_again(self, store):
        user, login = a_user(), a_login()
        await store.add_user(user, login)
        assert await store.register_guest(registered(user), a_login()) is None
        assert await store.register_guest(registered(a_guest()), a_login()) is None
        assert await standing(store, [login.login_id]) == {login.login_id}

    async def test_two_at_once_register_the_guest_once(self, store):
        guest = a_guest()
        await store.add_user(guest, a_login())
        wanted = [a_user(name, user_id=guest.user_id) for name in ("Bo", "Cy")]
        results = await asyncio.gather(*(store.register_guest(user, a_login()) for user in wanted))
        assert sorted(result is None for result in results) == [False, True]


class TestPasswords:
    async def test_changing_it_ends_all_logins_but_one(self, store):
        user, first, kept = a_user(), a_login(), a_login()
        await store.add_user(user, first)
        await store.add_login(user.user_id, kept, checked_hash=user.password_hash)
        ended = await store.change_password(user.user_id, old_hash="hash of Ada", new_hash="new", keep=kept.login_id)
        assert ended == [first.login_id]
        assert await store.password_hash(user.user_id) == "new"
        assert await standing(store, [first.login_id, kept.login_id]) == {kept.login_id}

    async def test_it_changes_only_if_it_is_still_the_one_that_was_checked(self, store):
        user, login = a_user(), a_login()
        await store.add_user(user, login)
        change = {"old_hash": "another", "new_hash": "new", "keep": an_id()}
        assert await store.change_password(user.user_id, **change) is None
        assert await store.change_password(an_id(), **change) is None
        assert await store.password_hash(user.user_id) == "hash of Ada"
        assert await standing(store, [login.login_id]) == {login.login_id}

    async def test_logins_of_others_stay(self, store):
        ada, bea, of_bea = a_user(), a_user("Bea"), a_login()
        await store.add_user(ada, a_login())
        await store.add_user(bea, of_bea)
        await store.change_password(ada.user_id, old_hash="hash of Ada", new_hash="new", keep=an_id())
        await store.delete_user(ada.user_id)
        assert await standing(store, [of_bea.login_id]) == {of_bea.login_id}


class TestDeletion:
    async def test_ends_every_login_and_frees_the_address(self, store):
        user, first, second = a_user(), a_login(), a_login()
        await store.add_user(user, first)
        await store.add_login(user.user_id, second, checked_hash=user.password_hash)
        assert sorted(await store.delete_user(user.user_id)) == sorted([first.login_id, second.login_id])
        assert await store.find_by_email("ada@example.org") is None
        assert await store.find_login(first.login_id, user.user_id) is None
        assert await store.password_hash(user.user_id) is None
        assert await store.add_user(a_user(), a_login()) is None

    async def test_of_nobody_ends_nothing(self, store):
        assert list(await store.delete_user(an_id())) == []


class TestLogins:
    async def test_a_login_is_not_begun_for_a_user_who_is_gone(self, store):
        login = a_login()
        assert await store.add_login(an_id(), login, checked_hash=None) is False
        assert await standing(store, [login.login_id]) == frozenset()

    async def test_a_login_is_not_begun_with_a_password_that_was_changed_since_it_was_checked(self, store):
        user, first, late = a_user(), a_login(), a_login()
        await store.add_user(user, first)
        await store.change_password(user.user_id, old_hash="hash of Ada", new_hash="new", keep=first.login_id)
        assert await store.add_login(user.user_id, late, checked_hash="hash of Ada") is False
        assert await store.find_login(late.login_id, user.user_id) is None

    async def test_only_the_newest_of_a_user_stay(self, store):
        ada, bea, of_bea = a_user(), a_user("Bea"), a_login()
        await store.add_user(bea, of_bea)
        logins = [a_login() for _ in range(LOGINS_PER_USER + 20)]
        await store.add_user(ada, logins[0])
        for login in logins[1:]:
            assert await store.add_login(ada.user_id, login, checked_hash=ada.password_hash) is True
        stay = await standing(store, [login.login_id for login in [of_bea, *logins]])
        assert of_bea.login_id in stay
        assert len(stay) == LOGINS_PER_USER + 1
        # Not exactly the last ones: those that began in the same millisecond are equally old.
        assert stay.issuperset(login.login_id for login in logins[-LOGINS_PER_USER + 10 :])

    async def test_also_when_many_begin_at_once(self, store):
        user = a_user()
        logins = [a_login() for _ in range(LOGINS_PER_USER + 9)]
        await store.add_user(user, logins[0])
        begun = (store.add_login(user.user_id, login, checked_hash=user.password_hash) for login in logins[1:])
        assert all(await asyncio.gather(*begun))
        assert len(await standing(store, [login.login_id for login in logins])) == LOGINS_PER_USER

    async def test_one_that_is_not_begun_ends_no_other(self, store):
        user = a_user()
        logins = [a_login() for _ in range(LOGINS_PER_USER)]
        await store.add_user(user, logins[0])
        for login in logins[1:]:
            await store.add_login(user.user_id, login, checked_hash=user.password_hash)
        assert await store.add_login(user.user_id, a_login(), checked_hash="another") is False
        assert len(await standing(store, [login.login_id for login in logins])) == LOGINS_PER_USER

    async def test_ends_when_it_is_ended(self, store):
        user, first, second = a_user(), a_login(), a_login()
        await store.add_user(user, first)
        assert await store.add_login(user.user_id, second, checked_hash=user.password_hash) is True
        await store.end_login(first.login_id)
        await store.end_login(first.login_id)
        assert await store.find_login(first.login_id, user.user_id) is None
        assert await store.find_login(second.login_id, user.user_id) is not None

    async def test_ends_when_its_time_is_over(self, store):
        user, login = a_user(), a_login(expires_in_ms=-1)
        await store.add_user(user, login)
        assert await store.find_login(login.login_id, user.user_id) is None
        assert await standing(store, [login.login_id]) == frozenset()

    async def test_is_found_only_with_its_own_user(self, store):
        ada, bea, login = a_user(), a_user("Bea"), a_login()
        await store.add_user(ada, login)
        await store.add_user(bea, a_login())
        assert await store.find_login(login.login_id, bea.user_id) is None

    async def test_of_many_that_are_looked_for_at_once_each_is_found_or_not_by_itself(self, store):
        users, logins = [a_user(f"User {number}") for number in range(150)], [a_login() for _ in range(150)]
        for user, login in zip(users, logins, strict=True):
            await store.add_user(user, login)
        for login in logins[::3]:
            await store.end_login(login.login_id)
        looking = (store.find_login(login.login_id, user.user_id) for user, login in zip(users, logins, strict=True))
        found = await asyncio.gather(*looking)
        assert [each and each[0].user_id for each in found] == [
            user.user_id if number % 3 else None for number, user in enumerate(users)
        ]

    async def test_of_nothing_nothing_has_ended(self, store):
        assert await store.ended([]) == frozenset()

    async def test_what_never_was_has_ended(self, store):
        unknown = an_id()
        assert await store.ended([unknown]) == {unknown}
