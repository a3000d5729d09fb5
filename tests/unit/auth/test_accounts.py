import asyncio

import pytest

from tests.fakes import HandClock
from votegame.auth.accounts import Accounts
from votegame.auth.passwords import PasswordHasher
from votegame.auth.revocations import Revocations
from votegame.auth.tokens import Tokens
from votegame.auth.values import Granted, Refused
from votegame.errors import ErrorCode, StoreUnavailableError
from votegame.limits.accounts import AccountRates
from votegame.settings import Settings
from votegame.storage.memory_users import MemoryUserStore

ADA = {"email": "Ada@Example.org", "password": "correct horse", "display_name": "Ada"}
DAY = 86_400
WRONG = Refused(code=ErrorCode.BAD_CREDENTIALS)
BUSY = Refused(code=ErrorCode.UNAVAILABLE, retry_after=3.0)


class House:
    """Accounts in memory, with a clock that is moved by hand."""

    def __init__(self, hasher: PasswordHasher, **settings):
        self.clock = HandClock()
        self.store = MemoryUserStore(self.clock.now_ms)
        self.revocations = Revocations(self.store, self.clock)
        chosen = Settings(**settings)
        self.accounts = Accounts(
            self.store,
            passwords=hasher,
            tokens=Tokens("secret"),
            revocations=self.revocations,
            rates=AccountRates(chosen),
            clock=self.clock,
            settings=chosen,
        )

    async def register(self, *, guest=None, address="home", **changes) -> Granted | Refused:
        return await self.accounts.register(**(ADA | changes), guest=guest, address=address)

    async def log_in(self, password=ADA["password"], *, email=ADA["email"], address="home", known=None):
        return await self.accounts.log_in(email=email, password=password, address=address, known=known)

    async def enter(self, display_name="Gus", address="home") -> Granted | Refused:
        return await self.accounts.enter_as_guest(display_name=display_name, address=address)

    async def holds(self, granted: Granted) -> bool:
        return await self.accounts.authenticate(granted.token) == granted.login

    def sockets_of(self, *granted: Granted) -> list[str]:
        """Watch the logins; the list gets the display names of those whose sockets are told to close."""
        told: list[str] = []
        for one in granted:
            self.revocations.watch(
                one.login.login_id, one.login.expires_at, lambda one=one: told.append(one.login.login_id)
            )
        return told


@pytest.fixture(scope="module")
def hasher():
    hasher = PasswordHasher(cost=4)
    yield hasher
    hasher.stop()


@pytest.fixture
def house(hasher):
    return House(hasher)


def code(outcome) -> ErrorCode:
    assert isinstance(outcome, Refused), outcome
    return outcome.code


class TestWhoseTokenItIs:
    async def test_is_told_by_the_signature_alone(self, house):
        granted = await house.enter()
        await house.accounts.log_out(granted.login)
        assert await house.accounts.authenticate(granted.token) is None
        assert house.accounts.signed_for(granted.token) == granted.login.user_id

    async def test_but_not_when_it_has_expired_or_is_not_ours(self, house):
        granted = await house.enter()
        assert house.accounts.signed_for(f"{granted.token}x") is None
        assert house.accounts.signed_for("") is None
        house.clock.at += 31 * 86_400
        assert house.accounts.signed_for(granted.token) is None


class TestRegistering:
    async def test_grants_a_login_that_holds(self, house):
        granted = await house.register()
        account = granted.login.account
        assert (account.email, account.display_name, account.is_guest) == ("Ada@Example.org", "Ada", False)
        assert granted.login.expires_at == house.clock.now_ms() // 1000 + 30 * DAY
        assert await house.holds(granted)

    async def test_keeps_names_and_addresses_trimmed_and_composed(self, house):
        granted = await house.register(email="  ada@example.org ", display_name=" A\u0308da ")
        assert (granted.login.account.email, granted.login.display_name) == ("ada@example.org", "Äda")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *[("email", "ada@example"), ("email", ""), ("email", "a\x00@b.c")],
            *[("password", "1234567"), ("password", "p" * 257), ("password", "12345678\x00"), ("password", " " * 20)],
            *[("display_name", ""), ("display_name", "   "), ("display_name", "x" * 33), ("display_name", "a\nb")],
        ],
    )
    async def test_names_the_field_that_is_wrong(self, house, field, value):
        assert await house.register(**{field: value}) == Refused(code=ErrorCode.BAD_MESSAGE, field=field)

    async def test_what_is_wrong_does_not_count_as_a_registration(self, house):
        for _ in range(10):
            assert code(await house.register(email="none")) == ErrorCode.BAD_MESSAGE
        assert isinstance(await house.register(), Granted)

    @pytest.mark.parametrize("email", ["ada@example.org", " ADA@EXAMPLE.ORG "])
    async def test_an_address_is_had_once(self, house, email):
        await house.register()
        assert await house.register(email=email) == Refused(code=ErrorCode.EMAIL_TAKEN)

    async def test_of_two_at_once_one_gets_the_address(self, house):
        outcomes = await asyncio.gather(house.register(), house.register())
        assert sorted(isinstance(outcome, Granted) for outcome in outcomes) == [False, True]

    async def test_when_too_many_are_hashed_comes_later(self, house):
        fill = [house.accounts._passwords.matches("x", None) for _ in range(18)]
        *_matches, outcome = await asyncio.gather(*fill, house.register())
        assert outcome == BUSY

    async def test_what_was_put_off_does_not_count(self, hasher):
        house = House(hasher, registrations_per_hour=1)
        fill = [house.accounts._passwords.matches("x", None) for _ in range(18)]
        *_matches, outcome = await asyncio.gather(*fill, house.register())
        assert outcome == BUSY
        assert isinstance(await house.register(), Granted)
        assert code(await house.register(email="b@c.d")) == ErrorCode.RATE_LIMITED

    async def test_is_limited_per_address(self, house):
        for n in range(5):
            assert isinstance(await house.register(email=f"a{n}@b.c"), Granted)
        assert await house.register(email="a6@b.c") == Refused(code=ErrorCode.RATE_LIMITED, retry_after=720)
        assert isinstance(await house.register(email="a6@b.c", address="elsewhere"), Granted)

    async def test_a_guest_keeps_his_id_and_his_old_logins_end(self, house):
        guest = await house.enter()
        told = house.sockets_of(guest)
        granted = await house.register(guest=guest.login)
        assert granted.login.user_id == guest.login.user_id
        assert await house.holds(granted)
        assert await house.accounts.authenticate(guest.token) is None
        assert told == [guest.login.login_id]

    async def test_a_guest_stays_one_when_the_address_is_taken(self, house):
        await house.register()
        guest = await house.enter()
        assert code(await house.register(guest=guest.login)) == ErrorCode.EMAIL_TAKEN
        assert await house.holds(guest)

    async def test_a_guest_who_is_gone_cannot_register(self, house):
        guest = await house.enter()
        await house.accounts.delete(guest.login)
        assert code(await house.register(guest=guest.login)) == ErrorCode.UNAUTHENTICATED


class TestLoggingIn:
    @pytest.mark.parametrize("email", ["Ada@Example.org", " ada@EXAMPLE.org  "])
    async def test_grants_another_login(self, house, email):
        first = await house.register()
        second = await house.log_in(email=email)
        assert second.login.account == first.login.account
        assert second.login.login_id != first.login.login_id
        assert await house.holds(first)
        assert await house.holds(second)

    async def test_a_password_is_the_same_however_it_is_composed(self, house):
        await house.register(password="pa\u0308sswort")
        assert isinstance(await house.log_in(" p\u00e4sswort "), Granted)

    @pytest.mark.parametrize("password", ["wrong horse", "short", "p" * 10_000, "correct horse\x00", "\ud800" * 9, ""])
    async def test_wrong_and_impossible_passwords_get_one_answer(self, house, password):
        await house.register()
        assert await house.log_in(password) == WRONG

    @pytest.mark.parametrize("email", ["bea@example.org", "no address", "", "a\x00@b.c", "\ud800@b.c"])
    async def test_unknown_and_impossible_addresses_get_the_same(self, house, email):
        await house.register()
        assert await house.log_in(email=email) == WRONG

    async def test_known_and_unknown_addresses_cost_the_same_hash(self, house, hasher, monkeypatch):
        await house.register()
        costs = []
        real = hasher.matches
        monkeypatch.setattr(hasher, "matches", lambda asked, kept: costs.append(asked) or real(asked, kept))
        for email in ("ada@example.org", "bea@example.org", "none"):
            await house.log_in("wrong horse", email=email)
        assert costs == ["wrong horse"] * 3

    @pytest.mark.parametrize("email", ["ada@example.org", "bea@example.org"])
    async def test_known_and_unknown_accounts_are_slowed_down_alike(self, house, email):
        await house.register()
        outcomes = [await house.log_in("wrong horse", email=email, address=f"{n}") for n in range(6)]
        assert outcomes == [WRONG] * 5 + [Refused(code=ErrorCode.RATE_LIMITED, retry_after=180)]

    async def test_an_account_is_never_locked(self, house):
        await house.register()
        for _ in range(6):
            await house.log_in("wrong horse")
        assert code(await house.log_in()) == ErrorCode.RATE_LIMITED
        house.clock.advance(180)
        assert isinstance(await house.log_in(), Granted)

    async def test_guesses_at_the_same_moment_are_no_more_than_one_after_another(self, house):
        await house.register()
        outcomes = await asyncio.gather(*(house.log_in("wrong horse") for _ in range(12)))
        assert outcomes.count(WRONG) == 5

    async def test_one_who_is_logged_in_is_not_slowed_down_by_what_others_try(self, house):
        granted = await house.register()
        guest = await house.enter()
        for n in range(6):
            await house.log_in("wrong horse", address=f"{n}")
        assert code(await house.log_in()) == ErrorCode.RATE_LIMITED
        assert code(await house.log_in(known=guest.login)) == ErrorCode.RATE_LIMITED
        assert isinstance(await house.log_in(known=granted.login), Granted)

    async def test_one_address_cannot_try_many_accounts(self, house):
        outcomes = [await house.log_in(email=f"a{n}@b.c") for n in range(25)]
        assert outcomes.count(WRONG) == 20
        assert code(outcomes[-1]) == ErrorCode.RATE_LIMITED

    async def test_guesses_from_one_address_at_the_same_moment_are_no_more_either(self, house):
        for n in range(19):
            await house.log_in(email=f"a{n}@b.c")
        outcomes = await asyncio.gather(*(house.log_in(email=f"b{n}@b.c") for n in range(10)))
        assert outcomes.count(WRONG) == 1
        assert outcomes.count(Refused(code=ErrorCode.RATE_LIMITED, retry_after=1)) == 9

    async def test_many_behind_one_address_come_in_at_once(self, house):
        for n in range(18):
            await house.register(email=f"a{n}@b.c", address=f"{n}")
        outcomes = await asyncio.gather(*(house.log_in(email=f"a{n}@b.c") for n in range(18)))
        assert all(isinstance(one, Granted) for one in outcomes)
        assert [await house.log_in(email=f"c{n}@b.c") for n in range(20)] == [WRONG] * 20, "that cost them something"

    async def test_right_passwords_count_only_when_there_are_very_many(self, house):
        await house.register()
        outcomes = [await house.log_in(address=f"{n}") for n in range(31)]
        assert [isinstance(one, Granted) for one in outcomes] == [True] * 30 + [False]
        assert outcomes[-1] == Refused(code=ErrorCode.RATE_LIMITED, retry_after=30)

    @pytest.mark.parametrize("email", ["x" * 16_000, "x" * 16_000 + "@b.c", "a" + "\u0301\u0316" * 4_000])
    async def test_what_is_remembered_of_an_address_is_short(self, house, email, monkeypatch):
        keys = []
        rates = house.accounts._rates
        real = rates.login
        monkeypatch.setattr(rates, "login", lambda account, *rest: keys.append(account) or real(account, *rest))
        assert await house.log_in(email=email) == WRONG
        assert await house.log_in(email=email + "x") == WRONG
        assert max(map(len, keys)) <= 64
        assert len(set(keys)) == 2

    async def test_who_is_sent_away_while_all_are_busy_is_not_remembered(self, house):
        outcomes = await asyncio.gather(*(house.log_in(email=f"a{n}@b.c", address=f"{n}") for n in range(100)))
        assert (outcomes.count(WRONG), outcomes.count(BUSY)) == (18, 82)
        assert len(house.accounts._rates) == 2 * 18
        hashing = [house.accounts._passwords.matches("x", None) for _ in range(18)]
        *_hashed, outcome = await asyncio.gather(*hashing, house.log_in(email="b@b.c", address="b"))
        assert (outcome, len(house.accounts._rates)) == (BUSY, 2 * 18)

    async def test_what_the_server_could_not_do_does_not_count(self, house, monkeypatch):
        await house.register()

        async def away(_folded):
            raise StoreUnavailableError("away")

        with monkeypatch.context() as patch:
            patch.setattr(house.store, "find_by_email", away)
            for _ in range(10):
                with pytest.raises(StoreUnavailableError):
                    await house.log_in()
        assert isinstance(await house.log_in(), Granted)

    async def test_more_than_can_be_hashed_are_told_to_come_later(self, hasher):
        house = House(hasher, rate_limits="off")
        await house.register()
        outcomes = await asyncio.gather(*(house.log_in() for _ in range(40)))
        assert BUSY in outcomes
        assert [code(one) for one in outcomes if isinstance(one, Refused)].count(ErrorCode.UNAVAILABLE) >= 40 - 18
        assert sum(isinstance(one, Granted) for one in outcomes) >= 18


class TestGuests:
    async def test_need_a_name_only_and_stay_for_their_own_time(self, hasher):
        house = House(hasher, guest_days=2)
        granted = await house.enter(" Gus ")
        assert (granted.login.display_name, granted.login.account.is_guest) == ("Gus", True)
        assert await house.holds(granted)
        house.clock.advance(2 * DAY)
        assert await house.accounts.authenticate(granted.token) is None

    async def test_with_a_bad_name_are_refused(self, house):
        assert await house.enter("") == Refused(code=ErrorCode.BAD_MESSAGE, field="display_name")

    async def test_are_limited_per_address(self, house):
        outcomes = [await house.enter() for _ in range(21)]
        assert outcomes[-1] == Refused(code=ErrorCode.RATE_LIMITED, retry_after=180)
        assert all(isinstance(one, Granted) for one in outcomes[:-1])


class TestEnding:
    async def test_logging_out_ends_this_login_and_its_sockets(self, house):
        first, second = await house.register(), await house.log_in()
        told = house.sockets_of(first, second)
        await house.accounts.log_out(first.login)
        assert await house.accounts.authenticate(first.token) is None
        assert await house.holds(second)
        assert told == [first.login.login_id]

    async def test_deleting_the_account_ends_all_and_frees_the_address(self, house):
        first, second = await house.register(), await house.log_in()
        told = house.sockets_of(first, second)
        await house.accounts.delete(first.login)
        assert not await house.holds(second)
        assert sorted(told) == sorted([first.login.login_id, second.login.login_id])
        assert await house.log_in() == WRONG
        again = await house.register()
        assert again.login.user_id != first.login.user_id

    async def test_a_login_ends_with_its_time(self, house):
        granted = await house.register()
        house.clock.advance(30 * DAY - 1)
        assert await house.holds(granted)
        house.clock.advance(1)
        assert not await house.holds(granted)

    async def test_a_token_of_a_login_that_never_was_is_none(self, house, hasher):
        stranger = await House(hasher).register()
        assert await house.accounts.authenticate(stranger.token) is None
        assert await house.accounts.authenticate("nonsense") is None


class TestChangingThePassword:
    async def change(self, house, granted, old=ADA["password"], new="battery staple"):
        return await house.accounts.change_password(granted.login, old_password=old, new_password=new)

    async def test_ends_all_other_logins_and_keeps_this_one(self, house):
        first, second = await house.register(), await house.log_in()
        told = house.sockets_of(first, second)
        changed = await self.change(house, first)
        assert changed.login == first.login
        assert await house.holds(changed)
        assert await house.holds(first)
        assert not await house.holds(second)
        assert told == [second.login.login_id]
        assert await house.log_in() == WRONG
        assert isinstance(await house.log_in("battery staple"), Granted)

    async def test_needs_the_old_one(self, house):
        granted = await house.register()
        assert await self.change(house, granted, old="wrong horse") == WRONG
        assert await self.change(house, granted, old="") == WRONG
        assert isinstance(await house.log_in(), Granted)

    async def test_needs_a_good_new_one(self, house):
        granted = await house.register()
        expected = Refused(code=ErrorCode.BAD_MESSAGE, field="new_password")
        assert await self.change(house, granted, new="short") == expected

    async def test_cannot_be_guessed_quickly(self, house):
        granted = await house.register()
        outcomes = [await self.change(house, granted, old="wrong horse") for _ in range(6)]
        assert [code(outcome) for outcome in outcomes] == [ErrorCode.BAD_CREDENTIALS] * 5 + [ErrorCode.RATE_LIMITED]

    async def test_a_guest_has_none(self, house):
        guest = await house.enter()
        assert await self.change(house, guest) == WRONG

    async def test_of_two_at_once_one_wins(self, house):
        granted = await house.register()
        outcomes = await asyncio.gather(self.change(house, granted), self.change(house, granted, new="other staple"))
        assert sorted(isinstance(outcome, Granted) for outcome in outcomes) == [False, True]

    async def test_when_busy_comes_later(self, house):
        granted = await house.register()
        rates_left = [self.change(house, granted) for _ in range(5)]
        fill = [house.accounts._passwords.matches("x", None) for _ in range(18)]
        outcomes = await asyncio.gather(*fill, *rates_left)
        assert outcomes[18:] == [BUSY] * 5
