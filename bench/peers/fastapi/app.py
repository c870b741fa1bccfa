"""The peer that veyl was first drawn up as: FastAPI, SQLAlchemy, SQLite, Bearer tokens. Only what
the benchmark asks for, written the way the frameworks' own documentation shows. Durable, as socle
is: WAL with synchronous=FULL."""

import json
import os
import time

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from pydantic import BaseModel
from sqlalchemy import JSON, Column, ForeignKey, Integer, String, Text, create_engine, event, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, declarative_base, relationship, selectinload

SECRET = "a-secret-of-the-benchmark-of-32-bytes"
engine = create_engine(f"sqlite:///{os.environ['DATA_DIR']}/peer.db",
                       connect_args={"check_same_thread": False, "timeout": 30})
Base = declarative_base()


@event.listens_for(engine, "connect")
def set_up(connection, _):
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    email = Column(String, unique=True)
    name = Column(String)


class Project(Base):
    __tablename__ = "projects"
    id = Column(Integer, primary_key=True)
    user_id = Column(ForeignKey("users.id"), index=True)
    name = Column(String)
    status = Column(String, default="draft")
    hashtags = relationship("ProjectHashtag")
    creators = relationship("ProjectCreator")


class ProjectHashtag(Base):
    __tablename__ = "project_hashtags"
    id = Column(Integer, primary_key=True)
    project_id = Column(ForeignKey("projects.id"), index=True)
    name = Column(String)


class ProjectCreator(Base):
    __tablename__ = "project_creators"
    id = Column(Integer, primary_key=True)
    project_id = Column(ForeignKey("projects.id"), index=True)
    creator_username = Column(String)


class Post(Base):
    __tablename__ = "posts"
    id = Column(Text, primary_key=True)
    platform = Column(String)
    author = Column(String)
    caption = Column(Text)
    hashtags = Column(JSON)
    metrics = Column(JSON)
    posted_at = Column(String, index=True)
    language = Column(String)
    permalink = Column(String)
    external_id = Column(String)


class PostIn(BaseModel):
    id: str
    platform: str
    author: str
    caption: str = ""
    hashtags: list[str] = []
    metrics: dict = {}
    posted_at: str
    language: str | None = None
    permalink: str | None = None
    external_id: str | None = None

    class Config:
        orm_mode = True


class Account(BaseModel):
    email: str
    password: str
    name: str


class ProjectIn(BaseModel):
    name: str = "Untitled project"
    hashtag_names: list[str] = []
    creator_usernames: list[str] = []


app = FastAPI()


@app.on_event("startup")
def create_tables():
    Base.metadata.create_all(engine)


def database():
    with Session(engine) as session:
        yield session


def account(authorization: str = Header(""), db: Session = Depends(database)):
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), SECRET, algorithms=["HS256"])
    except jwt.PyJWTError:
        raise HTTPException(401, "Token invalide")
    user = db.get(User, int(claims["sub"]))
    if user is None:
        raise HTTPException(401, "Utilisateur introuvable")
    return user


@app.get("/ping")
def ping():
    return {"pong": True, "timestamp": time.time()}


@app.post("/api/v1/auth/register")
def register(body: Account, db: Session = Depends(database)):
    user = User(email=body.email, name=body.name)
    db.add(user)
    db.commit()
    token = jwt.encode({"sub": str(user.id), "exp": int(time.time()) + 3600}, SECRET, "HS256")
    return {"access_token": token}


def project_out(p):
    return {"id": p.id, "user_id": p.user_id, "name": p.name, "status": p.status,
            "hashtags": [{"id": h.id, "name": h.name} for h in p.hashtags],
            "creators": [{"id": c.id, "creator_username": c.creator_username} for c in p.creators]}


@app.post("/api/v1/projects", status_code=201)
def project_create(body: ProjectIn, user: User = Depends(account), db: Session = Depends(database)):
    project = Project(user_id=user.id, name=body.name,
                      hashtags=[ProjectHashtag(name=n) for n in body.hashtag_names],
                      creators=[ProjectCreator(creator_username=n) for n in body.creator_usernames])
    db.add(project)
    db.commit()
    return project_out(project)


@app.get("/api/v1/projects/{project_id}")
def project_read(project_id: int, user: User = Depends(account), db: Session = Depends(database)):
    project = db.execute(
        select(Project).where(Project.id == project_id, Project.user_id == user.id)
        .options(selectinload(Project.hashtags), selectinload(Project.creators))).scalar_one_or_none()
    if project is None:
        raise HTTPException(404, "Project not found")
    return project_out(project)


@app.post("/api/v1/posts/", response_model=PostIn)
def post_create(body: PostIn, _: User = Depends(account), db: Session = Depends(database)):
    post = Post(**body.dict())
    db.add(post)
    try:
        db.commit()
    except IntegrityError:
        raise HTTPException(409, "Post déjà existant")
    return post


@app.get("/api/v1/posts/", response_model=list[PostIn])
def post_list(response: Response, skip: int = 0, limit: int = 100, _: User = Depends(account),
              db: Session = Depends(database)):
    total = db.execute(select(func.count()).select_from(Post)).scalar_one()
    response.headers["X-Total-Count"] = str(total)
    return db.execute(select(Post).order_by(Post.posted_at.desc()).offset(skip).limit(limit)).scalars().all()


@app.post("/api/v1/posts/bulk")
async def post_bulk(request: Request, _: User = Depends(account), db: Session = Depends(database)):
    lines = [json.loads(line) for line in (await request.body()).splitlines()]
    rows = [{k: line.get(k) for k in PostIn.__fields__} for line in lines]
    db.execute(Post.__table__.insert(), rows)
    db.commit()
    return {"created": len(rows), "updated": 0, "rejected": []}
