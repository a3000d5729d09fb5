-- Users and their logins.
--
-- A guest is a user without an address. Deleting a user removes all that is personal here; the display name stays in the
-- logs of the rooms he played in, as it was shown there.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text,
    email_folded text,
    password_hash text,
    display_name text NOT NULL,
    created_at bigint NOT NULL DEFAULT now_ms(),
    CHECK ((email IS NULL) = (email_folded IS NULL)),
    CHECK ((email IS NULL) = (password_hash IS NULL))
);

COMMENT ON TABLE users IS 'Identities: registered with an address, or guests without one';
COMMENT ON COLUMN users.email_folded IS 'The address as addresses are compared: trimmed, without difference of case';

CREATE UNIQUE INDEX users_email ON users (email_folded) WHERE email_folded IS NOT NULL;

-- One row for each login. The token carries its id; without the row the token is worth nothing, on any node.
CREATE TABLE logins (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at bigint NOT NULL DEFAULT now_ms(),
    expires_at bigint NOT NULL
);

COMMENT ON TABLE logins IS 'Logins that are valid until they expire; logging out removes the row';

CREATE INDEX logins_user ON logins (user_id);
CREATE INDEX logins_expired ON logins (expires_at);
